package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// customPrefix is what the names of functions begin with that a service registers.
const customPrefix = "custom."

var customName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// loaded is a boundary as load reads it, with something in the place of the functions that only
// its service has, and what it has of them: all else can be checked without their code.
func loaded[T any](dir fs.FS, o boundary.Options, load func(fs.FS, *boundary.Options) (T, error)) (got T, custom []boundary.Note, err error) {
	custom = customs(dir)
	o.Funcs = stubs(custom, 1)
	got, err = load(dir, &o)
	// How long their text is, nobody says here: one character fits everywhere, and where it is
	// chosen from must be as long as the choices.
	for longest := 2; err != nil && len(custom) > 0 && longest <= 1<<12; longest *= 2 {
		o.Funcs = stubs(custom, longest)
		if again, wrong := load(dir, &o); wrong == nil {
			return again, custom, nil
		}
	}
	return got, custom, err
}

// stubs stand for functions while mappings are compiled. They never run.
func stubs(custom []boundary.Note, longest int) []mapping.Func {
	var all []mapping.Func
	for _, n := range custom {
		f := mapping.Func{Name: strings.TrimPrefix(n.Name, customPrefix), Version: n.Reason, MaxLength: longest, Do: func(_, _ []byte) ([]byte, bool) { return nil, false }}
		if !slices.ContainsFunc(all, func(other mapping.Func) bool { return other.Name == f.Name }) {
			all = append(all, f)
		}
	}
	return all
}

// customs are the functions that mappings name, and where, with the version as the reason.
func customs(dir fs.FS) []boundary.Note {
	const folder = "mappings"
	entries, _ := fs.ReadDir(dir, folder) // what is wrong with the folder is found by who loads it
	var all []boundary.Note
	for _, entry := range entries {
		if file := path.Join(folder, entry.Name()); entry.Type().IsRegular() && path.Ext(file) == ".jsonc" {
			all = append(all, customsOf(dir, file)...)
		}
	}
	return all
}

func customsOf(dir fs.FS, name string) []boundary.Note {
	file, err := dir.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, declare.MaxSize))
	var read struct {
		Set map[string]struct {
			Do                           []map[string]json.RawMessage
			From, OnError, Const, Absent json.RawMessage
		}
	}
	index, _ := declare.Read(name, text, &read)
	var all []boundary.Note
	for _, into := range slices.Sorted(maps.Keys(read.Set)) {
		for i, step := range read.Set[into].Do {
			at := fmt.Sprintf("/set/%s/do/%d", declare.Escape(into), i)
			for name, args := range step {
				if custom, is := strings.CutPrefix(name, customPrefix); is && customName.MatchString(custom) {
					all = append(all, boundary.Note{Name: name, At: index.Place(at), Reason: versionOf(args)})
				}
			}
		}
	}
	return all
}

// versionOf is which version a step names; where that is none, the stub has another, and the
// step is found.
func versionOf(args json.RawMessage) string {
	var said struct{ Version string }
	if json.Unmarshal(args, &said) != nil || !customName.MatchString(said.Version) {
		return "none"
	}
	return said.Version
}

// warn says of a mapping's functions what no report can: what they do.
func (c *call) warn(custom []boundary.Note) {
	for _, n := range custom {
		fmt.Fprintf(c.stderr, "carnet %s: %s: %s, version %s, is code to be read: it is not in this command\n", c.name, n.At, n.Name, n.Reason)
	}
}
