package dns

import "tapestry/apps"

// App is the name server.
var App = apps.App{
	Name: "dns",
	Doc:  "name server: zones, hosts file, names of the lab, forwarding (RFC 1034, 1035, 2308, 6891, 7766)",
	New:  newServer,
}
