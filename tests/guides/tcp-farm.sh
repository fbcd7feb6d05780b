# A TCP farm with a backup server, a statistics page behind a frontend, and a reload in production.
source "$(dirname "$0")/lib.sh"

config() {
    configuration <<'END'
global
    log 127.0.0.1 local0 notice
    maxconn 2000
    user haproxy
    group haproxy

defaults
    log     global
    mode    tcp
    option  tcplog
    option  dontlognull
    retries 3
    option redispatch
    timeout connect  5000
    timeout client  10000
    timeout server  10000

frontend stats
bind *:9999
mode http
default_backend stats

backend stats
mode http
balance roundrobin
stats uri /
stats auth jmordica:382jjrQBcZDjwi2N

listen speapp
    bind 0.0.0.0:80
    balance roundrobin
    mode tcp
    server app1 10.0.108.20:8000 check
    server app2 10.0.108.20:8001 check backup
END
}

pages=http://jmordica:382jjrQBcZDjwi2N@127.0.0.1:9999/
is() { [ "$(status "$pages" "$1")" = "$2" ]; }

node app1 10.0.108.20:8000
node app2 10.0.108.20:8001

step "save this config and start HAProxy for the first time: service haproxy start"
config
service haproxy start
expect "$(systemctl is-active haproxy)" '^active$'

step "user haproxy, group haproxy"
expect "$(ps -o user:12,group:12 -C haproxy)" 'haproxy +haproxy'

step "all requests go to app1; app2 waits"
until_so is app1 UP
until_so is app2 UP
for _ in 1 2 3 4; do
    expect "$(curl -s http://127.0.0.1/)" '^app1$'
done

step "the page asks for the password, and tells whether primary and secondary are up, and of current sessions"
expect "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9999/)" '^401$'
page=$(curl -s "$pages")
expect "$page" 'class="active_up"><td class=ac><a name="speapp/app1"|active_up.*speapp/app1'
expect "$page" 'backup_up.*speapp/app2'
expect "$page" '<th>Cur</th>'

step "app1 fails its checks: app2 takes over"
fell app1
until_so gives http://127.0.0.1/ app2
until_so is app1 DOWN
expect "$(curl -s "$pages")" 'active_down.*speapp/app1'

step "app1 comes back: traffic is routed to it again after some ten seconds"
node app1 10.0.108.20:8000
begun=$SECONDS
until_so gives http://127.0.0.1/ app1
((SECONDS - begun <= 12))

step "service haproxy reload: existing sessions stay alive while the new configuration is applied"
exec 3<>/dev/tcp/127.0.0.1/80
printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' >&3
until read -r line <&3 && [ "$line" = app1 ]; do :; done
node app2b 10.0.108.21:8001
node app3 10.0.108.23:8000
node app4 10.0.108.25:8001
{ config; } && sed -i '/server app/d' /etc/haproxy/haproxy.cfg
cat >>/etc/haproxy/haproxy.cfg <<'END'
server app1 10.0.108.20:8000 check
server app2 10.0.108.21:8001 check
server app3 10.0.108.23:8000 check backup
server app4 10.0.108.25:8001 check backup
END
service haproxy reload
until_so is app4 UP
printf 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' >&3
expect "$(cat <&3)" '^app1$'
exec 3<&-

step "requests are balanced over the first two servers"
got=$(for _ in 1 2 3 4; do curl -s http://127.0.0.1/; done | sort | uniq -c)
expect "$got" '2 app1'
expect "$got" '2 app2b'

step "the others are failover"
fell app1
fell app2b
until_so gives http://127.0.0.1/ app3
got=$(for _ in 1 2 3 4; do curl -s http://127.0.0.1/; done | sort | uniq -c)
expect "$got" '4 app3'
fell app2
fell app3
fell app4
