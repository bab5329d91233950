package all

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapestry/apps"
)

func TestRegistry(t *testing.T) {
	byName := func(a, b apps.App) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(Apps, byName) {
		t.Error("Apps are not in the order of their names")
	}
	for i, a := range Apps {
		t.Run(a.Name, func(t *testing.T) {
			if a.Doc == "" || a.New == nil {
				t.Error("an app needs Doc and New")
			}
			if i > 0 && Apps[i-1].Name == a.Name {
				t.Error("two apps have this name")
			}
			checkReadme(t, a)
		})
	}
}

func checkReadme(t *testing.T, a apps.App) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", a.Name, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, heading := range []string{"## Name\n", "## Description\n", "## Configuration\n", "## Examples\n"} {
		_, after, ok := strings.Cut(rest, heading)
		if !ok {
			t.Errorf("README.md lacks %q, or it stands elsewhere than in the others", strings.TrimSpace(heading))
		}
		rest = after
	}
}

// TestUnknownKey holds that every app is strict.
func TestUnknownKey(t *testing.T) {
	for _, a := range Apps {
		t.Run(a.Name, func(t *testing.T) {
			c, err := apps.TableConfig("no_such_key = 1\n")
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.New(apps.NewEnv(apps.EnvConfig{AppName: a.Name}), c)
			if err == nil || !strings.HasPrefix(err.Error(), "config:1: no_such_key: unknown key") {
				t.Errorf("got %v, want an error about the key", err)
			}
		})
	}
}
