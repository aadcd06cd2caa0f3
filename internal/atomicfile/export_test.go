package atomicfile

import "io/fs"

// Names by which the external tests reach the seam.
type (
	Disk = disk
	File = file
)

// FaultDisk is the real disk with each step observed and, where Fail says so, failed.
type FaultDisk struct {
	osDisk
	Steps []string
	Fail  map[string]error
}

func (d *FaultDisk) step(name string) error {
	d.Steps = append(d.Steps, name)
	return d.Fail[name]
}

func (d *FaultDisk) create(dir string) (file, error) {
	if err := d.step("create"); err != nil {
		return nil, err
	}
	f, err := d.osDisk.create(dir)
	return &faultFile{file: f, d: d}, err
}

func (d *FaultDisk) rename(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	return d.osDisk.rename(from, to)
}

func (d *FaultDisk) syncDir(dir string) error {
	if err := d.step("syncdir"); err != nil {
		return err
	}
	return d.osDisk.syncDir(dir)
}

type faultFile struct {
	file
	d *FaultDisk
}

func (f *faultFile) Write(p []byte) (int, error) {
	if err := f.d.step("write"); err != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, err
	}
	return f.file.Write(p)
}

func (f *faultFile) Chmod(m fs.FileMode) error {
	if err := f.d.step("chmod"); err != nil {
		return err
	}
	return f.file.Chmod(m)
}

func (f *faultFile) Sync() error {
	if err := f.d.step("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultFile) Close() error {
	err := f.file.Close()
	if ferr := f.d.step("close"); ferr != nil {
		return ferr
	}
	return err
}

// WriteOn is Write on a given disk.
func WriteOn(d Disk, path string, data []byte, mode fs.FileMode) error {
	return write(d, path, data, mode)
}

// Create makes a temporary file and leaves it, as a crash would.
func (d *FaultDisk) Create(dir string) (File, error) { return d.create(dir) }
