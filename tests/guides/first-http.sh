# The first HTTP balancer: algorithms, checks over HTTP, the statistics page, cookies.
source "$(dirname "$0")/lib.sh"

config() {
    cat <<'END'
global
    log /dev/log    local0
    daemon

defaults
    mode http
    timeout connect 5000ms
    timeout client 50000ms
    timeout server 50000ms

frontend http_in
    bind *:80
    default_backend http_back

backend http_back
    balance roundrobin
    server web1 192.168.1.10:80 check
    server web2 192.168.1.11:80 check
END
}

page() {
    cat <<'END'

listen stats
    bind *:8080
    mode http
    stats enable
    stats uri /haproxy?stats
    stats auth admin:password
END
}

pages='http://admin:password@127.0.0.1:8080/haproxy?stats'
is() { [ "$(status "$pages" "$1")" = "$2" ]; }
counted() { for _ in 1 2 3 4 5 6; do curl -s "$@" http://127.0.0.1/; done | sort | uniq -c; }


node web1 192.168.1.10:80
node web2 192.168.1.11:80

step "a minimal haproxy.cfg, run as a background process"
{ config; page; } | configuration
haproxy -f /etc/haproxy/haproxy.cfg -p /run/first.pid
expect "$(ps -o ppid=,comm= -p "$(cat /run/first.pid)")" '^ *1 haproxy'

step "requests go to the servers in turn"
got=$(counted)
expect "$got" '3 web1'
expect "$got" '3 web2'

step "the statistics page: connections, times, errors, states of all frontends and backends"
until_so is web1 UP
until_so is web2 UP
expect "$(curl -s -o /dev/null -w '%{http_code}' 'http://127.0.0.1:8080/haproxy?stats')" '^401$'
html=$(curl -s "$pages")
for part in http_in http_back 'active_up.*http_back/web1' 'active_up.*http_back/web2' '<th colspan=3>Errors</th>' \
    'Connection:|Avg over last 1024'; do
    expect "$html" "$part"
done

step "check: a server that fails gets no traffic"
fell web2
until_so is web2 DOWN
expect "$(counted)" '6 web1'

step "without check a dead server is sent traffic"
{ config; page; } | sed 's/ check$//' | configuration
kill -USR2 "$(cat /run/first.pid)"
until_so is web2 'no check'
expect "$(for _ in 1 2 3 4; do curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1/; done | sort | uniq -c)" '2 503'
node web2 192.168.1.11:80

step "httpchk GET /healthz: only 2xx and 3xx keep a server up"
{ config | sed 's/balance roundrobin/&\n    option httpchk GET \/healthz/'; page; } | configuration
kill -USR2 "$(cat /run/first.pid)"
until_so is web1 UP
touch /srv/web1/sick
until_so is web1 DOWN
expect "$(counted)" '6 web2'
rm /srv/web1/sick
until_so is web1 UP

step "balance leastconn: the server with the fewest connections"
{ config | sed 's/roundrobin/leastconn/'; page; } | configuration
kill -USR2 "$(cat /run/first.pid)"
until_so is web2 UP
curl -s -o /dev/null -D /tmp/busy http://127.0.0.1/large &
slow=$!
until_so grep -qsi x-node /tmp/busy
busy=$(awk '/[Xx]-[Nn]ode/ { print $2 }' /tmp/busy | tr -d '\r')
reject "$(counted)" "$busy"
wait $slow

step "balance source: a client stays with its server"
{ config | sed 's/roundrobin/source/'; page; } | configuration
kill -USR2 "$(cat /run/first.pid)"
for source in 127.0.0.2 127.0.0.3 127.0.0.4; do
    until_so test "$(counted --interface $source | wc -l)" = 1
done

step "in the frontend, where the guide puts it, a cookie is ignored with a warning"
{ config | sed 's/bind .*/&\n    cookie SERVERID insert indirect/'; page; } | configuration
expect "$(haproxy -c -f /etc/haproxy/haproxy.cfg 2>&1)" "'cookie' ignored because frontend 'http_in' has no backend capability"

step "cookie SERVERID insert indirect: a client stays with the server that its cookie names, whatever the algorithm"
{ config | sed 's/balance roundrobin/&\n    cookie SERVERID insert indirect/; s/web\([12]\) .*/& cookie web\1/'; page; } | configuration
haproxy -c -f /etc/haproxy/haproxy.cfg
kill -USR2 "$(cat /run/first.pid)"
with_cookie() { curl -s -o /dev/null -D - http://127.0.0.1/ | grep -q '^set-cookie: SERVERID=web[12]; path=/'; }
until_so with_cookie
rm -f /tmp/jar
first=$(curl -s -c /tmp/jar http://127.0.0.1/)
expect "$(counted -b /tmp/jar)" "6 $first"
reject "$(curl -s -o /dev/null -D - -b /tmp/jar http://127.0.0.1/)" 'set-cookie'

kill "$(cat /run/first.pid)"
fell web1
fell web2
