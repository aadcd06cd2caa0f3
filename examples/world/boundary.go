package world

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
)

// sample is a boundary as a reviewer reads it; only the origins differ from run to run.
//
//go:embed boundary/boundary.jsonc
var sample string

// declare writes the boundary folder.
func (w *World) declare() error {
	folder := filepath.Join(w.Dir, "boundary")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	var crm string
	for _, s := range w.servers {
		if s.name == CRM {
			crm = s.origin
		}
	}
	text := strings.NewReplacer("https://login.acme.example", w.Issuer, "https://crm.acme.example", crm).Replace(sample)
	w.Boundary = os.DirFS(folder)
	return os.WriteFile(filepath.Join(folder, "boundary.jsonc"), []byte(text), 0o644)
}
