package all

import (
	"tapestry/apps"
	"tapestry/apps/chargen"
	"tapestry/apps/daytime"
	"tapestry/apps/discard"
	"tapestry/apps/dns"
	"tapestry/apps/echo"
	"tapestry/apps/http"
	"tapestry/apps/qotd"
	"tapestry/apps/time"
)

// Apps lists every app.
var Apps = []apps.App{
	chargen.App,
	daytime.App,
	discard.App,
	dns.App,
	echo.App,
	http.App,
	qotd.App,
	time.App,
}
