package mapping

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/program"
	"github.com/carnet-go/carnet/mapping/internal/report"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// Report says in text which field flows where, with its label before and after: one line
// for each field of the destination, and one for each that is dropped, with the labels of
// all that is dropped with it. What its schemas say besides is in their hashes.
func (m *Mapper) Report() string {
	if !m.made() {
		return ""
	}
	return m.report().Text()
}

// ReportJSON is the report for tools: an object with the members mapping, from, to, system, set,
// absent, drop, together (met where it is sent), leaves, not_after, from_hash, to_hash and hash.
func (m *Mapper) ReportJSON() []byte {
	if !m.made() {
		return nil
	}
	return m.report().JSON()
}

// ReportSVG is the report as one picture, without script.
func (m *Mapper) ReportSVG() []byte {
	if !m.made() {
		return nil
	}
	return m.report().SVG()
}

func (m *Mapper) report() *report.Report {
	r := &report.Report{
		Mapping: m.name, From: m.src.title, To: m.dst.title, System: m.to.System, Kind: m.to.Kind, Jurisdictions: names.Listed(m.to.Jurisdictions),
		Accepts: m.to.Clearance.line(), Leaves: m.label.String(), Hash: m.hash,
	}
	for _, rule := range m.rules {
		f := rule.flow()
		f.Before, f.After = rule.before.String(), rule.label.String()
		if rule.release != nil {
			f.Approved, f.Until = rule.release.approved, rule.release.until.AddDate(0, 0, -1).Format(time.DateOnly)
		}
		r.Set = append(r.Set, f)
	}
	for _, rule := range m.absent {
		r.Absent = append(r.Absent, report.Reason{Path: rule.into.path, Reason: rule.absent})
	}
	for _, d := range m.dropped {
		r.Drop = append(r.Drop, report.Reason{Path: d.from.path, Reason: d.reason, Label: d.from.everything().String()})
	}
	for i := range m.src.combined {
		k := &m.src.combined[i]
		r.Together = append(r.Together, report.Together{Fields: k.line(), Label: k.label.String(), Met: slices.Contains(m.combined, k)})
	}
	r.FromHash, r.ToHash = m.src.hash, m.dst.hash
	if !m.notAfter.IsZero() {
		r.NotAfter = m.notAfter.Format(time.RFC3339)
	}
	return r
}

func (c Clearance) line() string {
	text := c.Class.String()
	if len(c.Categories) > 0 {
		text += " " + names.Listed(c.Categories)
	}
	return text + " for " + names.Listed(c.Purposes)
}

// flow is what the mapping's author says, and not what becomes of the label.
func (r *rule) flow() report.Flow {
	f := report.Flow{Into: r.into.path, OnError: r.onError}
	if r.into.in != InBody {
		f.In = r.into.in
	}
	if r.from == nil {
		json, _ := program.Constant(r.into.node, r.source, r.constant, true)
		f.Constant = string(json)
		return f
	}
	f.From = r.from.path
	for _, step := range r.steps {
		made := report.Step{Name: step.Name, Hides: step.Hides, Reversible: step.Reversible, Custom: strings.HasPrefix(step.Name, transform.CustomPrefix)}
		if made.Custom {
			made.MaxLength = step.Out.MaxLength
		}
		if step.Args != "{}" {
			made.Args = json.RawMessage(step.Args)
		}
		f.Do = append(f.Do, made)
	}
	return f
}
