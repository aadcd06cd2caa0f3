package declare_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/internal/declare"
)

// crowded is a file with an object of so many members.
func crowded(members int) []byte {
	var b strings.Builder
	b.WriteString(`{"levels": {`)
	for i := range members {
		fmt.Fprintf(&b, "\"level %d\": 1,\n", i)
	}
	b.WriteString(`}}`)
	return []byte(b.String())
}

// TestAnObjectIsReadOnce: to look a name up costs the same in a large object as in a small
// one, so that a file with a mistake in each member takes no time by its square.
func TestAnObjectIsReadOnce(t *testing.T) {
	cost := func(members int) float64 {
		index, problems := declare.Read("f", crowded(members), new(target))
		if problems != nil {
			t.Fatal(problems[0])
		}
		index.Has("/levels")
		return testing.AllocsPerRun(100, func() {
			if line, _ := index.At("/levels/level 9"); line != 10 || index.Has("/levels/none") {
				t.Errorf("line %d", line)
			}
		})
	}
	if few, many := cost(10), cost(10_000); few != many {
		t.Errorf("%v allocations in a small object, %v in a large one", few, many)
	}
}

// TestEqualNames: the first is the one that was read.
func TestEqualNames(t *testing.T) {
	index, _ := declare.Read("f", []byte("{\"levels\": {\n\"a\": 1,\n\"\\u0061\": 2}}"), new(target))
	if line, _ := index.At("/levels/a"); line != 2 {
		t.Errorf("line %d", line)
	}
}

func TestOneIndexForMany(t *testing.T) {
	index, _ := declare.Read("f", crowded(100), new(target))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 100 {
				if line, _ := index.At(fmt.Sprintf("/levels/level %d", n)); line != n+1 {
					t.Errorf("%d: line %d of level %d", i, line, n)
				}
			}
		})
	}
	wait.Wait()
}

// BenchmarkAt is a file whose every member has a finding.
func BenchmarkAt(b *testing.B) {
	file := crowded(10_000)
	b.ReportAllocs()
	for b.Loop() {
		index, _ := declare.Read("f", file, new(target))
		for i := range 10_000 {
			index.At(fmt.Sprintf("/levels/level %d", i))
		}
	}
}

// BenchmarkNearest is among as many long names as a schema has fields, all of which differ
// at both ends only.
func BenchmarkNearest(b *testing.B) {
	middle := strings.Repeat("n", 110)
	among := make([]string, 4096)
	for i := range among {
		among[i] = fmt.Sprintf("/o%x/%s%03d", i/256, middle, i%256)
	}
	for b.Loop() {
		declare.Nearest("o0/"+middle+"xxx", among)
	}
}
