// Package all is the registry of the apps that a lab can run.
//
// To add one: one line in Apps, in the order of the names.
package all

import (
	"tapestry/apps"
	"tapestry/apps/chargen"
	"tapestry/apps/daytime"
	"tapestry/apps/discard"
	"tapestry/apps/echo"
	"tapestry/apps/qotd"
	"tapestry/apps/time"
)

// Apps lists every app.
var Apps = []apps.App{
	chargen.App,
	daytime.App,
	discard.App,
	echo.App,
	qotd.App,
	time.App,
}
