package scan

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// Pattern reads RE2 that means the whole text, also to those who look for a match
// anywhere: it begins with ^ and ends with $, and neither is a part of an alternation, a
// repetition, or text. In ^a|b$ each binds one side. The problem is empty where it does.
func Pattern(text string) (compiled *regexp.Regexp, problem string) {
	compiled, err := regexp.Compile(`\A(?:` + text + `)\z`)
	parsed, alone := syntax.Parse(text, syntax.Perl)
	switch {
	case err != nil || alone != nil:
		return nil, "is no RE2 pattern"
	case !strings.HasPrefix(text, "^") || !strings.HasSuffix(text, "$") || !anchored(parsed):
		return nil, "does not begin with ^ and end with $, with parentheses around choices"
	default:
		return compiled, ""
	}
}

func anchored(parsed *syntax.Regexp) bool {
	parts := parsed.Sub
	return parsed.Op == syntax.OpConcat && parts[0].Op == syntax.OpBeginText && parts[len(parts)-1].Op == syntax.OpEndText
}
