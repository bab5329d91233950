directory .
cache   .                      named.ca
primary line.be                named.hosts
primary 0.0.127.in-addr.arpa   named.local
primary 4.95.130.in-addr.arpa  named.rev
