package seal_test

import (
	"fmt"
	"testing"

	"github.com/carnet-go/carnet/failsafe/internal/seal"
)

// written is a chain of frames, the last of them the end.
func written(t *testing.T, s *seal.Sealer, run string, n int) (frames []seal.Frame) {
	t.Helper()
	c := seal.Chain{Run: run}
	for i := range n {
		f, err := c.Next(s, fmt.Appendf(nil, "%s %d", run, i), i == n-1, i%2 == 1)
		if err != nil {
			t.Fatal(err)
		}
		c.Follow(&f)
		frames = append(frames, f)
	}
	return frames
}

// TestChain: frames open in their order and in no other, each behind the one before it.
func TestChain(t *testing.T) {
	s := sealer(t, "k", "acme")
	frames, others := written(t, s, "hire-1", 4), written(t, s, "hire-2", 4)
	again := written(t, s, "hire-1", 4) // the same, of another time
	changed := func(f seal.Frame, change func(*seal.Frame)) seal.Frame { change(&f); return f }
	for name, c := range map[string]struct {
		frames []seal.Frame
		open   int // how many open
	}{
		"as written":              {frames, 4},
		"the last alone":          {frames[3:], 1},
		"nothing before":          {frames[1:], 0},
		"one left out":            {[]seal.Frame{frames[0], frames[2], frames[3]}, 1},
		"the last too early":      {[]seal.Frame{frames[0], frames[3]}, 1},
		"twice":                   {[]seal.Frame{frames[0], frames[0]}, 1},
		"of another run":          {[]seal.Frame{frames[0], others[1]}, 1},
		"of another time":         {[]seal.Frame{frames[0], again[1]}, 1},
		"called another run's":    {[]seal.Frame{changed(others[0], func(f *seal.Frame) { f.Run = "hire-1" })}, 0},
		"called the last":         {[]seal.Frame{changed(frames[0], func(f *seal.Frame) { f.Last = true })}, 0},
		"called an answer":        {[]seal.Frame{changed(frames[0], func(f *seal.Frame) { f.Answer = true })}, 0},
		"another before it":       {[]seal.Frame{frames[0], changed(frames[1], func(f *seal.Frame) { f.Before[0]++ })}, 1},
		"the number of the next":  {[]seal.Frame{frames[0], changed(frames[2], func(f *seal.Frame) { f.Sequence-- })}, 1},
		"the seal of another one": {[]seal.Frame{frames[0], changed(frames[1], func(f *seal.Frame) { f.Sealed = frames[2].Sealed })}, 1},
	} {
		chain, n := seal.Chain{Run: "hire-1"}, 0
		for i := range c.frames {
			before := chain
			plain, err := chain.Open(&c.frames[i], s, nil)
			if err != nil {
				if err != seal.ErrForged || plain != nil || chain.Sequence != before.Sequence || chain.Before != before.Before {
					t.Errorf("%s, %d: %q, %v, and it moved on", name, i, plain, err)
				}
				break
			}
			if want := fmt.Sprintf("hire-1 %d", c.frames[i].Sequence-1); string(plain) != want {
				t.Errorf("%s: %q, want %q", name, plain, want)
			}
			n++
		}
		if n != c.open {
			t.Errorf("%s: %d frames open, want %d", name, n, c.open)
		}
	}
}

// TestKeysChange: what was sealed with the previous key opens, and the next frame is
// sealed with the new one.
func TestKeysChange(t *testing.T) {
	old, now := sealer(t, "o", "acme"), sealer(t, "n", "acme")
	frames := written(t, old, "hire-1", 3)[:2]
	if _, err := (&seal.Chain{Run: "hire-1"}).Open(&frames[0], now, nil); err != seal.ErrForged {
		t.Errorf("without the previous key: %v", err)
	}
	c := seal.Chain{Run: "hire-1"}
	for i := range frames {
		if _, err := c.Open(&frames[i], now, old); err != nil {
			t.Fatal(err)
		}
	}
	f, err := c.Next(now, []byte("new"), true, true)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := c.Open(&f, now, nil); err != nil || string(plain) != "new" {
		t.Errorf("%q, %v", plain, err)
	}
}
