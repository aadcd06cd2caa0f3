package cursor

import (
	"errors"
	"slices"

	"github.com/carnet-go/carnet/audit/internal/names"
)

// Reach is where lines are kept, and the highest class of what they tell.
type Reach struct {
	Jurisdictions []string
	Class         string
}

var (
	errZero      = errors.New("audit: a feed has no name or no sink, or a time below zero")
	errNowhere   = errors.New("audit: a feed or its log does not say where lines are kept: Jurisdictions is empty or no names")
	errElsewhere = errors.New("audit: a feed keeps lines where the log may not: its Jurisdictions are not within the log's")
	errClass     = errors.New("audit: a class is none of public, internal, confidential and restricted")
	errClearance = errors.New("audit: a feed's Clearance is below the Class of the log")
)

const anywhere = "*" // of a log: its lines may be kept in all jurisdictions

// Permit says why a feed may not have the lines of a log; nil: it may. What is not said
// is denied.
func (c *Config) Permit(log Reach) error {
	feed, level, clearance := c.Reach, levelOf(log.Class), levelOf(c.Reach.Class)
	switch {
	case !names.Name(c.Name) || c.Deliver == nil || c.Within < 0 || c.MaxLag < 0:
		return errZero
	case !places(log.Jurisdictions) || !places(feed.Jurisdictions):
		return errNowhere
	case level < 0 || clearance < 0:
		return errClass
	case clearance < level:
		return errClearance
	case slices.Contains(log.Jurisdictions, anywhere):
		return nil
	}
	for _, j := range feed.Jurisdictions {
		if !slices.Contains(log.Jurisdictions, j) {
			return errElsewhere
		}
	}
	return nil
}

func places(list []string) bool {
	for _, j := range list {
		if !names.Place(j) {
			return false
		}
	}
	return len(list) > 0
}

func levelOf(class string) int {
	return slices.Index([]string{"public", "internal", "confidential", "restricted"}, class)
}
