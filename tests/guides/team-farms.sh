# An infrastructure team's procedure: a farm per application on a port of its own, behind Apache.
source "$(dirname "$0")/lib.sh"

# The guide's lines of a farm, with the address that its text tells of. Names of hosts are as printed.
config() {
    cat <<'END'
defaults
mode http
timeout connect 5000
timeout client 50000
timeout server 50000

listen stats
bind 127.0.0.1:8080
stats enable
stats uri /

listen  fpo-wiki
bind *:10001
balance roundrobin
server  app1 app1.fedora.iad2.redhat.com:80 check inter 2s rise 2 fall 5
server  app2 app2.fedora.iad2.redhat.com:80 check inter 2s rise 2 fall 5
server  app4 app4.fedora.iad2.redhat.com:80 backup check inter 2s rise 2 fall 5
option  httpchk GET /wiki/Infrastructure
END
}

pages=http://127.0.0.1:8080/
is() { [ "$(status "$pages" "$1")" = "$2" ]; }
asked() { for _ in $(seq "$1"); do curl -s "${@:2}" http://127.0.0.1:10001/wiki/; done; }

for n in 1 2 4; do
    node app$n 10.5.126.1$n:80 /wiki/Infrastructure
    grep -q "app$n.fedora" /etc/hosts || echo "10.5.126.1$n app$n.fedora.iad2.redhat.com" >>/etc/hosts
done

step "listen fpo-wiki: a farm on port 10001"
config | configuration
haproxy -c -f /etc/haproxy/haproxy.cfg
systemctl restart haproxy
expect "$(ss -tln)" '0.0.0.0:10001'
for n in 1 2 4; do until_so is app$n UP; done

step "balance roundrobin: request 1 goes to one, request 2 to the next, and the process repeats"
got=$(asked 6 | tr '\n' ' ')
expect "$got" '^(app1 app2 app1 app2 app1 app2|app2 app1 app2 app1 app2 app1) $'

step "check: the URL of option httpchk is what is asked for, every 2 seconds"
before=$(grep -c 'GET /wiki/Infrastructure' /srv/app1/access.log)
sleep 6
after=$(grep -c 'GET /wiki/Infrastructure' /srv/app1/access.log)
((after - before >= 2 && after - before <= 4))

step "fall 5: after five failures a node is out of the farm"
touch /srv/app1/sick
begun=$SECONDS
until_so is app1 DOWN
((SECONDS - begun >= 7 && SECONDS - begun <= 13))
expect "$(asked 4 | sort | uniq -c)" '4 app2'

step "rise 2: it is back after two successful ones in a row"
rm /srv/app1/sick
begun=$SECONDS
until_so is app1 UP
((SECONDS - begun >= 1 && SECONDS - begun <= 6))

step "backup: checked like the others, no traffic unless the other two are down"
reject "$(asked 8)" app4
touch /srv/app1/sick /srv/app2/sick
until_so is app1 DOWN
until_so is app2 DOWN
expect "$(asked 4 | sort | uniq -c)" '4 app4'
rm /srv/app1/sick /srv/app2/sick

step "2s is the same as 2000; without the URL the checks are basic ones to /"
config | sed 's/inter 2s/inter 2000/; s|^option  httpchk.*|option  httpchk|' | configuration
systemctl reload haproxy
asked_of() { grep -q '"OPTIONS / HTTP/1.0"' "/srv/app$1/access.log"; }
for n in 1 2 4; do until_so asked_of $n; done

step "another farm: another port, addition and subtraction of single nodes"
{ config; cat <<'END'; } | configuration
listen  fpo-other
bind *:10002
balance roundrobin
server  app2 app2.fedora.iad2.redhat.com:80 check inter 2s rise 2 fall 5
END
systemctl reload haproxy
until_so gives http://127.0.0.1:10002/ app2
until_so is app1 UP

step "Apache in front: RewriteRule ^/wiki/(.*) http://localhost:10001/wiki/\$1 [P,L]"
cat >/tmp/apache.conf <<'END'
ServerRoot /etc/apache2
ServerName admin.fedoraproject.org
PidFile /run/apache-guide.pid
ErrorLog /tmp/apache.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
Listen 127.0.0.1:80
RewriteEngine on
RewriteRule ^/wiki/(.*) http://localhost:10001/wiki/$1 [P,L]
ProxyPass /haproxy/proxy1/ http://localhost:8080/
END
systemd-run --quiet --collect --unit=node-apache apache2 -DFOREGROUND -f /tmp/apache.conf
apache() { expect "$(curl -s http://127.0.0.1/wiki/Main)" '^app[12]$'; }
until_so curl -s -o /dev/null http://127.0.0.1/
apache

step "the stats page by way of Apache, at /haproxy/proxy1/"
expect "$(curl -s http://127.0.0.1/haproxy/proxy1/)" 'fpo-wiki/app1'

step "advanced: a user stays with one server by session, and loses it when that server goes down"
config | sed 's/^balance roundrobin/&\ncookie APP insert indirect nocache/; s/^server  \(app[124]\).*/& cookie \1/' | configuration
systemctl reload haproxy
until_so is app1 UP
until_so is app2 UP
expect "$(asked 6 -b APP=app1 | sort | uniq -c)" '6 app1'
expect "$(asked 6 -b APP=app2 | sort | uniq -c)" '6 app2'
touch /srv/app1/sick
until_so is app1 DOWN
expect "$(asked 6 -b APP=app1 | sort | uniq -c)" '6 app2'
