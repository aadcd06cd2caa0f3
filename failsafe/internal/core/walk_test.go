package core

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// onward are the worlds in which the run is a step further on its way.
func (w world) onward(queue []world) []world {
	return slices.DeleteFunc(slices.Clone(queue), func(next world) bool {
		return next.state.Mode != w.state.Mode && next.state.Mode != Done || next.state.Parked != "" || next.state.Step == w.state.Step
	})
}

// TestWalk goes at random through plans that are too long to be explored, under the same
// checks, and comes to an end.
func TestWalk(t *testing.T) {
	kinds := steps([]int{1, 2, 3})
	rapid.Check(t, func(rt *rapid.T) {
		plan := Plan(rapid.SliceOfN(rapid.SampledFrom(kinds), 3, 9).Draw(rt, "plan"))
		n := len(plan)
		chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "chance"), 0)) // rapid itself prefers the first, which is a halt
		x := &explorer{t: rt, plan: plan, ends: map[Mode]int{}}
		w := world{state: plan.Start(), effects: make([]int, n), most: make([]int, n), undone: n}
		for range 100 * n {
			x.seen, x.queue = map[string]bool{}, nil
			x.follow(w)
			if len(x.queue) == 0 {
				break
			}
			if worked := w.onward(x.queue); len(worked) > 0 && chance.IntN(8) > 0 {
				x.queue = worked // otherwise hardly any walk would reach a third step
			}
			w = x.queue[chance.IntN(len(x.queue))]
		}
		if kind := plan.Next(w.state).Kind; kind != TheEnd && kind != Wait && kind != Try {
			rt.Errorf("it stands at %+v", w)
		}
	})
}
