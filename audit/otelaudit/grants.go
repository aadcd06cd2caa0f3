package otelaudit

import (
	queue "container/list"
	"time"
)

// given is a grant that nobody has answered: what its span will have.
type given struct {
	id, action string
	index      int64
	at         time.Time
	line       line
}

// grants are those that are open, of more than most the newest.
type grants struct {
	most  int
	byID  map[string]*queue.Element
	order *queue.List // of *given, the oldest first
}

func newGrants(most int) *grants {
	return &grants{most: most, byID: map[string]*queue.Element{}, order: queue.New()}
}

// give remembers one; true: the oldest was forgotten for it.
func (g *grants) give(n *given) bool {
	if e, ok := g.byID[n.id]; ok {
		g.remove(e)
	}
	g.byID[n.id] = g.order.PushBack(n)
	if g.order.Len() <= g.most {
		return false
	}
	g.remove(g.order.Front())
	return true
}

// answered takes one away: it is answered by what has its action.
func (g *grants) answered(id, action string) (*given, bool) {
	e, ok := g.byID[id]
	if !ok || e.Value.(*given).action != action {
		return nil, false
	}
	return g.remove(e), true
}

func (g *grants) remove(e *queue.Element) *given {
	n := g.order.Remove(e).(*given)
	delete(g.byID, n.id)
	return n
}
