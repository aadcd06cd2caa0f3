// Package failsafetest is for tests: the conformance of journals.
//
//	func TestJournal(t *testing.T) {
//		failsafetest.RunJournal(t, func(t *testing.T, dir string) failsafe.Journal { return open(t, dir) })
//	}
//
// # Guarantees
//
// Each rule of [failsafe.Journal] is one subtest. A failure prints the rule.
//
// # Limits
//
// What a crash leaves, whether a frame is durable and who owns a journal, only the far
// side can see: a journal's own tests have to end its process, fail its disk and take it
// over.
//
// # Errors
//
// What goes wrong fails the test.
//
// # Concurrency
//
// RunJournal uses the journal from several goroutines at once.
package failsafetest

import (
	"testing"

	"github.com/carnet-go/carnet/failsafe"
)

// RunJournal checks a Journal: open returns the one in a folder, which is empty at first.
// It is called several times with the same folder, each time after the journal before was
// closed. A journal that is not in files takes the folder for a name.
func RunJournal(t *testing.T, open func(t *testing.T, dir string) failsafe.Journal) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.run(t.Context(), func() failsafe.Journal { return open(t, dir) }); err != nil {
				t.Errorf("rule: %s\n%v", c.rule, err)
			}
		})
	}
}
