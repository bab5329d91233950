package apps_test

import (
	"testing"

	"tapestry/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }
