package world

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sample is a boundary as a reviewer reads it; only the origins differ from run to run.
//
//go:embed boundary
var sample embed.FS

// declare writes the boundary folder.
func (w *World) declare() error {
	folder := filepath.Join(w.Dir, "boundary")
	files, err := fs.Sub(sample, "boundary")
	if err != nil {
		return err
	}
	w.Boundary = os.DirFS(folder)
	return w.write(folder, files)
}

// Amended is the boundary with other files in the place of those of the same names. It
// stands in a temporary folder, which is gone after Close.
func (w *World) Amended(files fs.FS) (fs.FS, error) {
	folder, err := os.MkdirTemp(w.private, "boundary-")
	if err != nil {
		return nil, err
	}
	if err := w.write(folder, w.Boundary); err != nil {
		return nil, err
	}
	return os.DirFS(folder), w.write(folder, files)
}

// write copies files with the origins of this world.
func (w *World) write(folder string, files fs.FS) error {
	spelled := []string{"https://login.acme.example", w.Issuer, "ldaps://directory.acme.example", w.directory.origin}
	for _, s := range w.servers {
		spelled = append(spelled, "https://"+s.name+".acme.example", s.origin)
	}
	origins := strings.NewReplacer(spelled...)
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(folder, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, []byte(origins.Replace(string(text))), 0o644)
	})
}
