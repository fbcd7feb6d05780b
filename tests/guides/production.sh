# A production set-up from end to end: chroot, the admin socket, error files, headers, checks, draining, reloads, mistakes
# and questions. The package is installed by `cargo xtask guides`; the commands of the guide follow.
source "$(dirname "$0")/lib.sh"

config() {
    # Where the machine cannot have the descriptors for so many connections, fewer.
    if (($(ulimit -Hn) < 100100)); then sed 's/maxconn 50000/maxconn 5000/'; else cat; fi <<'END'
#---------------------------------------------------------------------
# Global settings
#---------------------------------------------------------------------
global
log /dev/log local0
log /dev/log local1 notice
chroot /var/lib/haproxy
stats socket /run/haproxy/admin.sock mode 660 level admin expose-fd listeners
stats timeout 30s
user haproxy
group haproxy
daemon
# SSL/TLS hardening (modern compatibility profile)
ca-base /etc/ssl/certs
crt-base /etc/ssl/private
ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384
ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
# Maximum concurrent connections across all frontends
maxconn 50000
#---------------------------------------------------------------------
# Defaults — inherited by all frontend/backend sections
#---------------------------------------------------------------------
defaults
log global
mode http
option httplog
option dontlognull
option forwardfor
option http-server-close
timeout connect 5s
timeout client 30s
timeout server 30s
errorfile 400 /etc/haproxy/errors/400.http
errorfile 403 /etc/haproxy/errors/403.http
errorfile 408 /etc/haproxy/errors/408.http
errorfile 500 /etc/haproxy/errors/500.http
errorfile 502 /etc/haproxy/errors/502.http
errorfile 503 /etc/haproxy/errors/503.http
errorfile 504 /etc/haproxy/errors/504.http
#---------------------------------------------------------------------
# Stats page — bind to internal management IP only
#---------------------------------------------------------------------
listen stats
bind 192.168.10.10:8404
stats enable
stats uri /haproxy-stats
stats realm HAProxy\ Statistics
stats auth infrarunbook-admin:Ch4ng3M3N0w!
stats refresh 10s
stats show-node
stats show-legends
stats hide-version
#---------------------------------------------------------------------
# Frontend — HTTP ingress on all interfaces, port 80
#---------------------------------------------------------------------
frontend http_frontend
bind *:80
default_backend web_servers
# Capture the Host header for access log enrichment
http-request capture req.hdr(Host) len 64
# Inject basic security response headers
http-response set-header X-Content-Type-Options nosniff
http-response set-header X-Frame-Options SAMEORIGIN
#---------------------------------------------------------------------
# Backend — three-node web server pool
#---------------------------------------------------------------------
backend web_servers
balance roundrobin
# HTTP health check targeting the application health endpoint
option httpchk GET /healthz HTTP/1.1\r\nHost:\ solvethenetwork.com
# Health check tuning: probe every 5s, down after 3 failures, up after 2 successes
# maxconn per server protects backends during traffic spikes
default-server inter 5s fall 3 rise 2 maxconn 200
server web-01 192.168.10.11:80 check
server web-02 192.168.10.12:80 check
server web-03 192.168.10.13:80 check
END
}

site=http://192.168.10.10/
pages=http://infrarunbook-admin:Ch4ng3M3N0w!@192.168.10.10:8404/haproxy-stats
is() { [ "$(status "$pages" "$1")" = "$2" ]; }
all_up() { for n in web-01 web-02 web-03; do is $n UP || return 1; done; }
asked() { for _ in $(seq "${1:-9}"); do elsewhere curl -s "${@:2}" $site; done | sort | uniq -c; }
# The configuration with a change, in place after a reload.
changed() {
    config | sed "$@" | configuration
    sudo haproxy -c -f /etc/haproxy/haproxy.cfg
    sudo systemctl reload haproxy
}
# Checks of the guide take their time; where only their outcome counts they are made every 200 ms.
quick='s/inter 5s/inter 200/'

node web-01 192.168.10.11:80
node web-02 192.168.10.12:80
node web-03 192.168.10.13:80

step "haproxy -v"
expect "$(haproxy -v)" '^HAProxy version [0-9.]+.* [0-9/]{10} - '

step "sudo cp /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.bak"
sudo cp /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.bak

# Since version 3 it says so with -V only.
step "sudo haproxy -c -f /etc/haproxy/haproxy.cfg: Configuration file is valid; a mistake is told with its line"
config | configuration
sudo haproxy -c -f /etc/haproxy/haproxy.cfg
expect "$(sudo haproxy -c -V -f /etc/haproxy/haproxy.cfg 2>&1)" '^Configuration file is valid$'
config | sed 's/balance roundrobin/balance roundrobbin/' >/tmp/wrong.cfg
wrong=$(sudo haproxy -c -f /tmp/wrong.cfg 2>&1) && exit 1
expect "$wrong" 'parsing \[/tmp/wrong.cfg:[0-9]+\]'

step "sudo systemctl enable haproxy; restart; status: active (running)"
sudo systemctl enable haproxy
sudo systemctl restart haproxy
expect "$(sudo systemctl status haproxy)" 'Active: active \(running\)'
expect "$(systemctl is-enabled weir)" enabled

step "sudo journalctl -u haproxy -n 50 --no-pager: why it failed to start"
cp /tmp/wrong.cfg /etc/haproxy/haproxy.cfg
sudo systemctl restart haproxy && exit 1
expect "$(sudo journalctl -u haproxy -n 50 --no-pager)" 'parsing \[/etc/haproxy/haproxy.cfg:[0-9]+\]'
config | configuration
sudo systemctl reset-failed haproxy
sudo systemctl restart haproxy

step "sudo ufw allow 80/tcp; 8404/tcp; reload"
sudo ufw allow 80/tcp
sudo ufw allow 8404/tcp comment "HAProxy stats"
sudo ufw reload

step "sudo firewall-cmd --permanent --add-port=80/tcp; 8404/tcp; --reload"
sudo systemctl start firewalld
sudo firewall-cmd --permanent --add-port=80/tcp
sudo firewall-cmd --permanent --add-port=8404/tcp
sudo firewall-cmd --reload
until_so all_up
expect "$(elsewhere curl -s $site)" web-0
sudo systemctl stop firewalld

step "sudo ss -tlnp | grep haproxy: both ports"
listening=$(sudo ss -tlnp | grep haproxy)
expect "$listening" 'LISTEN .* 0.0.0.0:80 .*users:\(\("haproxy",pid=[0-9]+,fd=[0-9]+\)'
expect "$listening" 'LISTEN .* 192.168.10.10:8404 .*users:\(\("haproxy",pid='

step "it runs as haproxy, in /var/lib/haproxy"
worker=$(pgrep -u haproxy -x haproxy)
expect "$(readlink "/proc/$worker/root")" '^/var/lib/haproxy$'

step "curl -I http://192.168.10.10/: 200, with the headers that the frontend injects"
head=$(elsewhere curl -sI $site)
expect "$head" '^HTTP/1.1 200'
expect "$head" '^x-content-type-options: nosniff'
expect "$head" '^x-frame-options: SAMEORIGIN'

step "nine requests: each of the three nodes in turn"
codes=$(for i in $(seq 1 9); do
elsewhere curl -s -o /dev/null -w "%{http_code} - %{remote_ip}\n" http://192.168.10.10/
done)
expect "$(sort <<<"$codes" | uniq -c)" '^ +9 200 - 192.168.10.10$'
got=$(asked 9)
for n in 1 2 3; do expect "$got" "3 web-0$n"; done

step "the access log has the captured Host"
until_so grep -qs 'http_frontend web_servers/web-0[123] .*{192.168.10.10}' /var/log/weir.log

step "the stats page: password, realm, refresh, counts, green for UP"
expect "$(elsewhere curl -si http://192.168.10.10:8404/haproxy-stats)" 'www-authenticate: Basic realm="HAProxy Statistics"'
html=$(elsewhere curl -si "$pages")
for part in '^refresh: 10' active_up.*web_servers/web-01 '<th colspan=3>Session rate' \
    '<h2>Statistics Report for pid' '192.168.10.11:80' 'Responses time'; do
    expect "$html" "$part"
done
reject "$html" '3\.4\.7'

step 'echo "show servers state" | sudo socat stdio /run/haproxy/admin.sock'
expect "$(echo "show servers state" | sudo socat stdio /run/haproxy/admin.sock)" ' web_servers 1 web-01 192.168.10.11 2 '

step "hatop, the utility that the guide names, reads the socket"
shown=$({ sleep 3; printf q; } | TERM=xterm script -qec \
    'stty rows 40 cols 160; exec hatop -s /run/haproxy/admin.sock' /dev/null)
expect "$shown" BACKEND
expect "$shown" web-01

step "sudo systemctl reload haproxy: active connections are preserved"
elsewhere curl -s -o /tmp/large http://192.168.10.10/large &
download=$!
until_so test -s /tmp/large
sudo systemctl reload haproxy
wait $download
[ "$(stat -c %s /tmp/large)" = 400000 ]

step "balance leastconn, validated and reloaded: the server with the fewest sessions"
changed 's/^balance roundrobin/balance leastconn/'
elsewhere curl -s -o /dev/null -D /tmp/busy http://192.168.10.10/large &
download=$!
until_so grep -qsi x-node /tmp/busy
reject "$(asked 6)" "$(awk 'tolower($1) == "x-node:" { print $2 }' /tmp/busy | tr -d '\r')"
wait $download

step "balance source, uri and random"
changed 's/^balance roundrobin/balance source/'
[ "$(asked 6 | wc -l)" = 1 ]
changed 's/^balance roundrobin/balance uri/'
[ "$(asked 6 | wc -l)" = 1 ]
[ "$(for n in $(seq 20); do elsewhere curl -s ${site}$n; done | sort -u | wc -l)" = 3 ]
changed 's/^balance roundrobin/balance random/'
[ "$(asked 30 | wc -l)" = 3 ]

step "checks: inter 5s, fall 3, rise 2"
config | configuration
sudo systemctl reload haproxy
until_so all_up
touch /srv/web-01/sick
begun=$SECONDS
until_so is web-01 DOWN
((SECONDS - begun >= 9 && SECONDS - begun <= 17))
rm /srv/web-01/sick
begun=$SECONDS
until_so is web-01 UP
((SECONDS - begun >= 4 && SECONDS - begun <= 12))

step "option tcp-check"
changed '/^option httpchk/s/.*/option tcp-check/; s/ maxconn 200//;'"$quick"
until_so all_up
fell web-03
until_so is web-03 DOWN
node web-03 192.168.10.13:80
until_so is web-03 UP

step "set server web_servers/web-02 state maint: no new connections, existing sessions finish"
changed "$quick"
until_so all_up
elsewhere curl -s -o /tmp/large -D /tmp/busy http://192.168.10.10/large &
download=$!
until_so grep -qsi x-node /tmp/busy
busy=$(awk 'tolower($1) == "x-node:" { print $2 }' /tmp/busy | tr -d '\r')
echo "set server web_servers/$busy state maint" | sudo socat stdio /run/haproxy/admin.sock
reject "$(asked 6)" "$busy"
wait $download
[ "$(stat -c %s /tmp/large)" = 400000 ]

step "set server web_servers/web-02 state ready"
echo "set server web_servers/$busy state ready" | sudo socat stdio /run/haproxy/admin.sock
until_so all_up
expect "$(asked 9)" "3 $busy"

step "weights, counters and the configuration over the socket"
api "set server web_servers/web-01 weight 0%"
reject "$(asked 6)" web-01
api "set server web_servers/web-01 weight 100%"
api "clear counters all"
expect "$(api "show servers conn")" web-02

step "a reload of a broken configuration is refused, and all goes on"
cp /tmp/wrong.cfg /etc/haproxy/haproxy.cfg
sudo systemctl reload haproxy && exit 1
expect "$(asked 3)" web-0
config | sed "$quick" | configuration

step "option forwardfor: servers see the client's address"
expect "$(elsewhere curl -s ${site}seen)" '^192.168.10.100 $'

step "restart drops active connections, reload does not"
elsewhere curl -s -o /tmp/large http://192.168.10.10/large &
download=$!
sleep 0.5
sudo systemctl restart haproxy
wait $download && exit 1
until_so all_up

step "option http-server-close: a connection to the server per request, the client's is kept"
before=$(api "show info" | awk '/^CumConns:/ { print $2 }')
elsewhere curl -s $site $site $site $site
after=$(api "show info" | awk '/^CumConns:/ { print $2 }')
# One of the client, one of each question.
((after - before <= 3))

step "maxconn: what is more waits in the queue"
changed 's/maxconn 200/maxconn 1/;'"$quick"
for _ in 1 2 3 4 5; do elsewhere curl -s -o /dev/null http://192.168.10.10/large & done
queued() { [ "$(curl -s "$pages;csv" | awk -F, '$1 == "web_servers" && $2 == "BACKEND" { print $3 }')" -gt 0 ] ||
    [ "$(curl -s "$pages;csv" | awk -F, '$1 == "web_servers" && $2 ~ /web/ { n += $3 } END { print n }')" -gt 0 ]; }
until_so queued
wait

step "a server is added, validated and reloaded: it gets traffic once its checks pass"
node web-04 192.168.10.14:80
{ config; echo 'server web-04 192.168.10.14:80 check'; } | sed "$quick" | configuration
sudo haproxy -c -f /etc/haproxy/haproxy.cfg
sudo systemctl reload haproxy
until_so is web-04 UP
expect "$(asked 8)" '2 web-04'
fell web-04

step "without check a server always receives traffic"
changed 's/^\(server web-03 .*\) check/\1/;'"$quick"
fell web-03
expect "$(for _ in 1 2 3 4 5 6; do elsewhere curl -s -o /dev/null -w '%{http_code}\n' $site; done | sort | uniq -c)" '2 503'
node web-03 192.168.10.13:80

step "mode tcp: bytes as they are; option forwardfor is not available there"
changed 's/^mode http/mode tcp/; s/option httplog/option tcplog/; s/^option httpchk.*/option tcp-check/; s/^listen stats/&\nmode http/; /^http-re/d;'"$quick"
expect "$(sudo haproxy -c -f /etc/haproxy/haproxy.cfg 2>&1)" "'option forwardfor' ignored for frontend 'http_frontend' as it requires HTTP mode"
until_so all_up
expect "$(asked 3)" web-0

step "all servers down: 503 from the error file, until one recovers"
changed "$quick"
until_so all_up
touch /srv/web-0{1,2,3}/sick
none() { [ "$(elsewhere curl -s -o /tmp/503 -w '%{http_code}' $site)" = 503 ]; }
until_so none
diff /tmp/503 <(sed '1,/^\r$/d' /etc/haproxy/errors/503.http)
expect "$(curl -s "$pages")" active_down.*web_servers/web-01
rm /srv/web-01/sick
until_so gives $site web-01

step "server web-backup 192.168.10.20:80 check backup: idle until all others are down"
node web-backup 192.168.10.20:80
{ config; echo 'server web-backup 192.168.10.20:80 check backup'; } | sed "$quick" | configuration
sudo systemctl reload haproxy
rm -f /srv/web-0{2,3}/sick
until_so all_up
until_so is web-backup UP
reject "$(asked 9)" web-backup
touch /srv/web-0{1,2,3}/sick
until_so gives $site web-backup
rm /srv/web-0{1,2,3}/sick
until_so all_up
fell web-backup

step "cookie SERVERID insert indirect nocache"
changed 's/^default-server/cookie SERVERID insert indirect nocache\n&/; s/^server \(web-0[123]\).*/& cookie \1/;'"$quick"
until_so all_up
rm -f /tmp/jar
answer=$(elsewhere curl -si -c /tmp/jar $site)
expect "$answer" '^set-cookie: SERVERID=web-0[123]; path=/'
expect "$(elsewhere curl -sI ${site}cached)" '^cache-control: private'
first=$(tail -n 1 <<<"$answer")
expect "$(asked 6 -b /tmp/jar)" "6 $first"
expect "$(elsewhere curl -s -b /tmp/jar -b "$(awk '/SERVERID/ { print $6 "=" $7 }' /tmp/jar); other=1" ${site}seen)" '^192.168.10.100 other=1$'

step "log 192.168.10.5:514 local0 notice: remote syslog over UDP, routed to a file"
others 192.168.10.5
cat >/tmp/remote.conf <<'END'
module(load="imudp")
input(type="imudp" port="514" address="192.168.10.5")
local0.* /tmp/remote.log
END
rm -f /tmp/remote.log
systemd-run --quiet --collect --unit=remote-syslog --property=NetworkNamespacePath=/run/netns/others \
    rsyslogd -n -f /tmp/remote.conf -i /run/remote.pid
changed 's/^log \/dev\/log local0$/log 192.168.10.5:514 local0 notice/;'"$quick"
told() { touch /srv/web-01/sick; sleep 1; rm /srv/web-01/sick; grep -qs 'Server web_servers/web-01 is DOWN' /tmp/remote.log; }
until_so told
systemctl stop remote-syslog

step "a shadow instance with -f and -p beside the one in production"
config | sed 's/:8404/:8405/; s/\*:80$/*:8080/; s/admin.sock/shadow.sock/' >/tmp/shadow.cfg
sudo haproxy -f /tmp/shadow.cfg -p /run/shadow.pid
until_so gives http://192.168.10.10:8080/ web-01
expect "$(elsewhere curl -s $site)" web-0
sudo kill "$(cat /run/shadow.pid)"

step "502: a server that answers what is no HTTP; the page and the socket tell of it"
fell web-03
systemd-run --quiet --collect --unit=nonsense --property=NetworkNamespacePath=/run/netns/others \
    socat TCP-LISTEN:80,bind=192.168.10.13,fork,reuseaddr SYSTEM:'echo nonsense'
changed 's/^\(server web-03 .*\) check/\1/; /^server web-0[12]/d'
until_so test "$(elsewhere curl -s -o /dev/null -w '%{http_code}' $site)" = 502
expect "$(curl -s "$pages;csv" | awk -F, '$2 == "web-03" { print $15 }')" '^[1-9]'
expect "$(api "show servers state")" web-03
systemctl stop nonsense

sudo cp /etc/haproxy/haproxy.cfg.bak /etc/haproxy/haproxy.cfg
sudo systemctl restart haproxy
fell web-01
fell web-02
