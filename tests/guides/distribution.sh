# The default configuration of a distribution: no load is balanced; then a farm is added to it.
source "$(dirname "$0")/lib.sh"

config() {
    cat <<'END'
    global
        log /dev/log    local0
        log /dev/log    local1 notice
        chroot /var/lib/haproxy
        stats socket /run/haproxy/admin.sock mode 660 level admin
        stats timeout 30s
        user haproxy
        group haproxy
        daemon

        # Default SSL material locations
        ca-base /etc/ssl/certs
        crt-base /etc/ssl/private

        # Default ciphers to use on SSL-enabled listening sockets.
        # For more information, see ciphers(1SSL). This list is from:
        #  https://hynek.me/articles/hardening-your-web-servers-ssl-ciphers/
        # An alternative list with additional directives can be obtained from
        #  https://mozilla.github.io/server-side-tls/ssl-config-generator/?server=haproxy
        ssl-default-bind-ciphers ECDH+AESGCM:DH+AESGCM:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:RSA+AESGCM:RSA+AES:!aNULL:!MD5:!DSS
        ssl-default-bind-options no-sslv3

    defaults
        log     global
        mode    http
        option  httplog
        option  dontlognull
        timeout connect 5000
        timeout client  50000
        timeout server  50000
        errorfile 400 /etc/haproxy/errors/400.http
        errorfile 403 /etc/haproxy/errors/403.http
        errorfile 408 /etc/haproxy/errors/408.http
        errorfile 500 /etc/haproxy/errors/500.http
        errorfile 502 /etc/haproxy/errors/502.http
        errorfile 503 /etc/haproxy/errors/503.http
        errorfile 504 /etc/haproxy/errors/504.http
END
}

step "what is installed has a configuration at /etc/haproxy/haproxy.cfg, which is valid and serves"
test -s /etc/haproxy/haproxy.cfg
haproxy -c -f /etc/haproxy/haproxy.cfg
systemctl restart haproxy
expect "$(api "show info")" '^Name: HAProxy$'

step "so is and does the one that the guide prints, without any load balanced"
config | configuration
haproxy -c -f /etc/haproxy/haproxy.cfg
systemctl restart haproxy
expect "$(systemctl is-active haproxy)" '^active$'
expect "$(api "show info")" '^Name: HAProxy$'
[ "$(ss -tlnp | grep -c haproxy)" = 0 ]

step "a farm is added: requests are spread over its nodes"
node node1 192.168.1.3:8080
node node2 192.168.1.4:8080
{ config; cat <<'END'; } | configuration
    frontend localnodes
        bind *:80
        default_backend nodes
    backend nodes
        balance roundrobin
        option forwardfor
        server node1 192.168.1.3:8080 check
        server node2 192.168.1.4:8080 check
END
systemctl reload haproxy
until_so gives http://127.0.0.1/ node1
got=$(for _ in 1 2 3 4; do curl -s http://127.0.0.1/; done | sort | uniq -c)
expect "$got" '2 node1'
expect "$got" '2 node2'

step "answers of its own are the files that the configuration names"
fell node1
fell node2
down() { [ "$(curl -s -o /tmp/503 -w '%{http_code}' http://127.0.0.1/)" = 503 ]; }
until_so down
diff /tmp/503 <(sed '1,/^\r$/d' /etc/haproxy/errors/503.http)
printf 'NONSENSE\r\n\r\n' | socat - TCP:127.0.0.1:80 >/tmp/400
diff /tmp/400 /etc/haproxy/errors/400.http

step "what is logged reaches /dev/log behind the chroot"
until_so grep -qs 'localnodes nodes/node[12] ' /var/log/weir.log
