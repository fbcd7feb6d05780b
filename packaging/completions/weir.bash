# Made by `cargo xtask manual`.
_weir() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    case $before in
        -C) COMPREPLY=($(compgen -d -- "$word")); return ;;
        -f|-p|-x|--|check|lint|modernize|test) COMPREPLY=($(compgen -f -- "$word")); return ;;
    esac
    case $word in
        -*) COMPREPLY=($(compgen -W '-f -c -cc -C -D -W -Ws -S -db -d -q -V -p -n -N -m -L -4 -x -sf -st -dW -dD -dr -dV -dS -dR -dF -dZ -dI -dC -dK -dL -dA -dc -dM -dG -dT -d -de -dk -dp -dv -v -vv -vq' -- "$word")) ;;
        *) [[ $COMP_CWORD -eq 1 ]] && COMPREPLY=($(compgen -W 'check demo explain help keywords lint modernize plan test' -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
}
complete -o filenames -F _weir weir
