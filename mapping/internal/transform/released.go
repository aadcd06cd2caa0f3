package transform

import (
	"encoding/json"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Released makes the step that a release of a value names. One of token.hmac that names no key is of
// any; of token.aes_siv it has to name one, because who has that key can open the token. Of a function, whether there is one is found where a mapping is compiled.
func Released(name string, args json.RawMessage, n *scan.Node) (step Step, anyKey bool, p Problem) {
	if strings.HasPrefix(name, CustomPrefix) {
		step, p = approved(name, args)
		return step, false, p
	}
	anyKey = name == "token.hmac" && (args == nil || string(args) == "{}")
	if anyKey {
		args = json.RawMessage(`{"key":"any"}`)
	}
	step, p = New(name, args, Field{Node: n})
	if p.Kind == 0 && !step.Hides {
		p = Problem{Kind: WrongType, Text: "is a transform that hides nothing, so it releases nothing"}
	}
	return step, anyKey, p
}

// Shows says whether what comes out shows a part of what came in: not a token, nor what is redacted.
func (s *Step) Shows() bool { return s.Key == "" && s.Name != "redact" }
