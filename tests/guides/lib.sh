# What the guides share: steps that are told, promises that must hold, and servers for the balancer.
# Runs in the container of `cargo xtask guides`, where every address of the guides is one of the machine's own.
set -eu
set -o pipefail
trap 'echo "FAILED in line $LINENO: $BASH_COMMAND" >&2' ERR

# Says which command or promise of the guide comes now.
step() {
    echo "  $*"
}

# The text holds the pattern.
expect() {
    grep -qE -- "$2" <<<"$1" || {
        printf 'FAILED: no %s in\n%s\n' "$2" "${1:0:2000}" >&2
        exit 1
    }
}

# The text does not hold the pattern.
reject() {
    if grep -qE -- "$2" <<<"$1"; then
        printf 'FAILED: %s in\n%s\n' "$2" "${1:0:2000}" >&2
        exit 1
    fi
}

# The command holds within half a minute.
until_so() {
    local deadline=$((SECONDS + 30))
    until "$@"; do
        ((SECONDS < deadline)) || {
            echo "FAILED: never: $*" >&2
            exit 1
        }
        sleep 0.1
    done
}

# The body that URL gives is TEXT: gives URL TEXT
gives() {
    [ "$(curl -s -m 5 "$1" || true)" = "$2" ]
}

# The other machines of the guides are a network namespace behind a cable; this machine has the balancer's addresses.
network() {
    [ ! -e /run/netns/others ] || return 0
    ip netns add others
    ip link add cable type veth peer name cable netns others
    for side in "" "-n others"; do
        ip $side link set lo up
        ip $side link set cable up
    done
    for address in 192.168.10.10 192.168.1.1 10.0.108.1 10.5.126.1; do
        ip address add "$address/24" dev cable
    done
    others 192.168.10.100
}

# A command on one of the other machines.
elsewhere() {
    ip netns exec others "$@"
}

# One of the other machines has this address.
others() {
    ip -n others address add "$1/24" dev cable 2>/dev/null || true
}

# A web server that answers with its name and what it was asked, its health at /healthz unless told: node NAME ADDRESS:PORT [PATH]
node() {
    others "${2%:*}"
    mkdir -p "/srv/$1"
    head -c 400000 /dev/zero >"/srv/$1/large"
    cat >"/srv/$1/nginx.conf" <<END
pid /srv/$1/pid;
error_log /srv/$1/error.log;
worker_processes 1;
events {}
http {
    default_type text/plain;
    keepalive_timeout 60s;
    access_log /srv/$1/access.log;
    server {
        listen $2;
        add_header X-Node $1;
        location / { return 200 "$1\n"; }
        location = /seen { return 200 "\$http_x_forwarded_for \$http_cookie\n"; }
        location = /cached { add_header Cache-Control "max-age=60"; return 200 "$1\n"; }
        location = /large { root /srv/$1; limit_rate 100k; }
        location = ${3:-/healthz} { if (-f /srv/$1/sick) { return 500; } return 200 "well\n"; }
    }
}
END
    systemd-run --quiet --collect --unit="node-$1" --service-type=forking --property=PIDFile="/srv/$1/pid" \
        --property=NetworkNamespacePath=/run/netns/others nginx -c "/srv/$1/nginx.conf"
}

# Ends a web server.
fell() {
    systemctl stop "node-$1.service"
}

# Puts what is on standard input at the place of the configuration.
configuration() {
    cat >/etc/haproxy/haproxy.cfg
}

# Asks the runtime API, as the guides do.
api() {
    echo "$1" | sudo socat stdio /run/haproxy/admin.sock
}

# The state of a server that the statistics page tells: status URL SERVER
status() {
    curl -s "$1;csv" | awk -F, -v server="$2" '$2 == server { print $18 }'
}

# What another guide left.
systemctl stop 'node-*' haproxy
pkill -x haproxy || true
network
