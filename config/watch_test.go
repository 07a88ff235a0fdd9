package config

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// outcome is one call of the callback of Watch.
type outcome struct {
	config *Config
	err    error
}

// A watched file is gateway.yaml with a Watch over it that looks every second.
type watched struct {
	t        *testing.T
	signal   chan os.Signal
	outcomes chan outcome
}

// watch runs test in fake time, with a Watch over a configuration of that content.
func watch(t *testing.T, content string, given Overrides, test func(w *watched)) {
	t.Helper()
	write(t, content)
	synctest.Test(t, func(t *testing.T) {
		c, err := Load("gateway.yaml", env("LEVEL=debug"))
		if err != nil {
			t.Fatal(err)
		}
		c.Apply(given)
		w := &watched{t, make(chan os.Signal), make(chan outcome, 10)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Watch(ctx, c, time.Second, w.signal, func(c *Config, err error) {
				w.outcomes <- outcome{c, err}
			})
		}()
		test(w)
		cancel()
		<-done
	})
}

// looks lets Watch look n times and returns what came of it.
func (w *watched) looks(n int) []outcome {
	time.Sleep(time.Duration(n)*time.Second + time.Millisecond)
	return w.take()
}

func (w *watched) take() []outcome {
	synctest.Wait()
	var taken []outcome
	for len(w.outcomes) > 0 {
		taken = append(taken, <-w.outcomes)
	}
	return taken
}

func (w *watched) replace(content string) { replace(w.t, "gateway.yaml", content) }

// level is the log level of the only outcome, which must be a good one.
func (w *watched) level(outcomes []outcome) string {
	w.t.Helper()
	if len(outcomes) != 1 || outcomes[0].err != nil {
		w.t.Fatalf("outcomes: %+v", outcomes)
	}
	return outcomes[0].config.Log.Level
}

// failed checks that the only outcome is an error with that text, and no Config.
func (w *watched) failed(outcomes []outcome, text string) {
	w.t.Helper()
	if len(outcomes) != 1 || outcomes[0].config != nil || outcomes[0].err == nil || !strings.Contains(outcomes[0].err.Error(), text) {
		w.t.Fatalf("outcomes: %+v", outcomes)
	}
}

// none checks that nothing was loaded.
func (w *watched) none(outcomes []outcome) {
	w.t.Helper()
	if len(outcomes) != 0 {
		w.t.Fatalf("outcomes: %+v", outcomes)
	}
}

func TestWatchLoadsAChangeOnce(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		w.none(w.looks(3))
		w.replace("log: {level: \"${LEVEL}\"}\n")
		if got := w.level(w.looks(5)); got != "debug" {
			t.Errorf("the level is %s", got)
		}
		w.none(w.looks(3))
	})
}

func TestWatchIgnoresTheSameBytes(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		w.replace("log: {level: warn}\n")
		w.none(w.looks(3))
	})
}

func TestWatchWaitsForAFileThatIsStillWritten(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		w.replace("")
		w.none(w.looks(1))
		w.replace("log: {level: error}\n")
		w.none(w.looks(1))
		if got := w.level(w.looks(1)); got != "error" {
			t.Errorf("the level is %s", got)
		}
	})
}

func TestWatchForgetsAChangeTakenBack(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		w.replace("log: {level: error}\n")
		w.none(w.looks(1))
		w.replace("log: {level: warn}\n")
		w.none(w.looks(3))
	})
}

func TestWatchReportsAMistakeOnceAndRecovers(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		w.replace("log: {level: [}\n")
		w.failed(w.looks(5), "gateway.yaml:1:")
		w.replace("log: {level: loud}\n")
		w.failed(w.looks(5), "gateway.yaml:1:14: log.level")
		w.replace("log: {level: warn}\n")
		if got := w.level(w.looks(5)); got != "warn" {
			t.Errorf("the level is %s", got)
		}
	})
}

func TestWatchReportsAFileGoneAndBack(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		if err := os.Remove("gateway.yaml"); err != nil {
			t.Fatal(err)
		}
		w.failed(w.looks(5), "no such file")
		w.replace("log: {level: warn}\n")
		w.level(w.looks(5))
	})
}

func TestWatchAppliesTheOverridesAgain(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{Listen: "127.0.0.1:7", LogLevel: "info"}, func(w *watched) {
		w.replace("listen: 0.0.0.0:80\nlog: {level: error}\nstrict: true\n")
		outcomes := w.looks(2)
		if got := w.level(outcomes); got != "info" {
			t.Errorf("the level is %s", got)
		}
		if c := outcomes[0].config; c.Listen != "127.0.0.1:7" || !c.Strict {
			t.Errorf("listen %s, strict %v", c.Listen, c.Strict)
		}
	})
}

func TestASignalLoadsAtOnceAndAlways(t *testing.T) {
	watch(t, "log: {level: warn}\n", Overrides{}, func(w *watched) {
		w.signal <- os.Interrupt
		if got := w.level(w.take()); got != "warn" {
			t.Errorf("the level is %s", got)
		}
		w.replace("log: {level: error}\n")
		w.signal <- os.Interrupt
		if got := w.level(w.take()); got != "error" {
			t.Errorf("the level is %s", got)
		}
		w.none(w.looks(3))
	})
}

func TestWatchSeesTheCapabilitiesFile(t *testing.T) {
	watch(t, "strict: true\n", Overrides{}, func(w *watched) {
		replace(t, "models.yaml", "models: [{id: claude-opus-5, max_output: 5}]\n")
		w.none(w.looks(3))
		w.replace("capabilities_file: models.yaml\n")
		w.level(w.looks(2))
		replace(t, "models.yaml", "models: [{id: claude-opus-5, max_output: 6}]\n")
		outcomes := w.looks(2)
		w.level(outcomes)
		if m, _ := outcomes[0].config.Catalogue.Find("claude-opus-5"); m.MaxOutput != 6 {
			t.Errorf("max_output is %d", m.MaxOutput)
		}
		replace(t, "models.yaml", "models: 1\n")
		w.failed(w.looks(2), "models.yaml:1:9: models: want a list")
		replace(t, "models.yaml", "")
		w.level(w.looks(2))
	})
}

// A Kubernetes volume is a link to a folder that is swapped for another.
func TestWatchFollowsASwappedLink(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, level := range []string{"warn", "error"} {
		if err := os.Mkdir(level, 0o700); err != nil {
			t.Fatal(err)
		}
		replace(t, level+"/gateway.yaml", "log: {level: "+level+"}\n")
	}
	link := func(level string) {
		t.Helper()
		if err := os.Symlink(level, "new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename("new", "data"); err != nil {
			t.Fatal(err)
		}
	}
	link("warn")
	c, err := Load("data/gateway.yaml", env())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		link("error")
		var levels []string
		Watch(ctx, c, time.Second, nil, func(c *Config, err error) {
			defer cancel()
			if err != nil {
				t.Error(err)
				return
			}
			levels = append(levels, c.Log.Level)
		})
		if len(levels) != 1 || levels[0] != "error" {
			t.Errorf("levels %q", levels)
		}
	})
}

func TestWatchWithoutAFileLoadsOnlyOnASignal(t *testing.T) {
	c, err := Load("", env())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		signal, loads := make(chan os.Signal, 1), 0
		signal <- os.Interrupt
		Watch(ctx, c, time.Second, signal, func(_ *Config, err error) {
			if err != nil {
				t.Error(err)
			}
			loads++
		})
		if loads != 1 {
			t.Errorf("%d loads", loads)
		}
	})
}
