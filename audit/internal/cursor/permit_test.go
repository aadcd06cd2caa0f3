package cursor_test

import (
	"testing"

	"github.com/carnet-go/carnet/audit/internal/cursor"
)

func TestPermit(t *testing.T) {
	eu := cursor.Reach{Jurisdictions: []string{"eu", "ch"}, Class: "internal"}
	for name, c := range map[string]struct {
		log, feed cursor.Reach
		want      error
	}{
		"within":             {eu, cursor.Reach{Jurisdictions: []string{"ch"}, Class: "internal"}, nil},
		"both":               {eu, cursor.Reach{Jurisdictions: []string{"ch", "eu"}, Class: "restricted"}, nil},
		"a US sink":          {eu, cursor.Reach{Jurisdictions: []string{"us"}, Class: "restricted"}, cursor.ErrElsewhere},
		"also in the US":     {eu, cursor.Reach{Jurisdictions: []string{"eu", "us"}, Class: "restricted"}, cursor.ErrElsewhere},
		"anywhere":           {eu, cursor.Reach{Jurisdictions: []string{"*"}, Class: "restricted"}, cursor.ErrElsewhere},
		"zero feed":          {eu, cursor.Reach{}, cursor.ErrNowhere},
		"zero log":           {cursor.Reach{}, eu, cursor.ErrNowhere},
		"nowhere":            {eu, cursor.Reach{Class: "restricted"}, cursor.ErrNowhere},
		"a log of nowhere":   {cursor.Reach{Class: "internal"}, eu, cursor.ErrNowhere},
		"no names":           {eu, cursor.Reach{Jurisdictions: []string{"EU"}, Class: "restricted"}, cursor.ErrNowhere},
		"below":              {eu, cursor.Reach{Jurisdictions: []string{"eu"}, Class: "public"}, cursor.ErrClearance},
		"no clearance":       {eu, cursor.Reach{Jurisdictions: []string{"eu"}}, cursor.ErrClass},
		"unknown clearance":  {eu, cursor.Reach{Jurisdictions: []string{"eu"}, Class: "secret"}, cursor.ErrClass},
		"unknown class":      {cursor.Reach{Jurisdictions: []string{"eu"}, Class: "Internal"}, eu, cursor.ErrClass},
		"a log for anywhere": {cursor.Reach{Jurisdictions: []string{"*"}, Class: "public"}, cursor.Reach{Jurisdictions: []string{"us"}, Class: "public"}, nil},
	} {
		feed := cursor.Config{Name: "siem", Deliver: new(sink).Deliver, Reach: c.feed}
		if err := feed.Permit(c.log); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, bend := range map[string]func(*cursor.Config){
		"no name": func(c *cursor.Config) { c.Name = "" }, "no sink": func(c *cursor.Config) { c.Deliver = nil },
		"within": func(c *cursor.Config) { c.Within = -1 }, "lag": func(c *cursor.Config) { c.MaxLag = -1 },
	} {
		feed := cursor.Config{Name: "siem", Deliver: new(sink).Deliver, Reach: eu}
		bend(&feed)
		if err := feed.Permit(eu); err != cursor.ErrZero {
			t.Errorf("%s: %v", name, err)
		}
	}
}
