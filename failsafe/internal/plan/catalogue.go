package plan

import (
	"strings"

	"github.com/carnet-go/carnet/auth"
)

// Catalogue is the operations that a workflow may take, by name.
type Catalogue map[string]*declared

// declared is one of them.
type declared struct {
	own, twin Operation // zero twin: there is none
	undo, ask string
}

// Declare lists the operations of all systems but the service itself and the twins.
func Declare(systems []auth.System) Catalogue {
	c := Catalogue{}
	for _, s := range systems {
		for _, op := range s.Operations {
			if s.Name != auth.Self && s.TwinOf == "" {
				c[op.Name] = &declared{own: of(op, s.Name), undo: op.Undo, ask: op.Ask}
			}
		}
	}
	for _, s := range systems {
		for _, op := range s.Operations {
			if d := c[s.TwinOf+strings.TrimPrefix(op.Name, s.Name)]; s.TwinOf != "" && d != nil {
				d.twin = of(op, s.Name)
			}
		}
	}
	return c
}

func of(op auth.Operation, system string) Operation {
	return Operation{op.Name, system, op.Effect, op.Privileged, op.Keyed}
}

// twin is the twin of an operation; the zero Operation: there is none.
func (c Catalogue) twin(op Operation) Operation {
	if d := c[op.Name]; d != nil {
		return d.twin
	}
	return Operation{}
}
