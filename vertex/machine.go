package vertex

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A gpu is what a machine type has, no more and no less.
type gpu struct {
	kind  string // as the API spells accelerators
	count int
}

// machines :: machine type -> what it has, for those that come with accelerators
var machines = map[string]gpu{
	"a2-highgpu-1g":   {"NVIDIA_TESLA_A100", 1},
	"a2-highgpu-2g":   {"NVIDIA_TESLA_A100", 2},
	"a2-highgpu-4g":   {"NVIDIA_TESLA_A100", 4},
	"a2-highgpu-8g":   {"NVIDIA_TESLA_A100", 8},
	"a2-megagpu-16g":  {"NVIDIA_TESLA_A100", 16},
	"a2-ultragpu-1g":  {"NVIDIA_A100_80GB", 1},
	"a2-ultragpu-2g":  {"NVIDIA_A100_80GB", 2},
	"a2-ultragpu-4g":  {"NVIDIA_A100_80GB", 4},
	"a2-ultragpu-8g":  {"NVIDIA_A100_80GB", 8},
	"a3-edgegpu-8g":   {"NVIDIA_H100_80GB", 8},
	"a3-highgpu-1g":   {"NVIDIA_H100_80GB", 1},
	"a3-highgpu-2g":   {"NVIDIA_H100_80GB", 2},
	"a3-highgpu-4g":   {"NVIDIA_H100_80GB", 4},
	"a3-highgpu-8g":   {"NVIDIA_H100_80GB", 8},
	"a3-megagpu-8g":   {"NVIDIA_H100_MEGA_80GB", 8},
	"a3-ultragpu-8g":  {"NVIDIA_H200_141GB", 8},
	"a4-highgpu-8g":   {"NVIDIA_B200", 8},
	"a4x-highgpu-4g":  {"NVIDIA_GB200", 4},
	"g2-standard-12":  {"NVIDIA_L4", 1},
	"g2-standard-16":  {"NVIDIA_L4", 1},
	"g2-standard-24":  {"NVIDIA_L4", 2},
	"g2-standard-32":  {"NVIDIA_L4", 1},
	"g2-standard-4":   {"NVIDIA_L4", 1},
	"g2-standard-48":  {"NVIDIA_L4", 4},
	"g2-standard-8":   {"NVIDIA_L4", 1},
	"g2-standard-96":  {"NVIDIA_L4", 8},
	"g4-standard-192": {"NVIDIA_RTX_PRO_6000", 4},
	"g4-standard-384": {"NVIDIA_RTX_PRO_6000", 8},
	"g4-standard-48":  {"NVIDIA_RTX_PRO_6000", 1},
	"g4-standard-96":  {"NVIDIA_RTX_PRO_6000", 2},
}

// attachable accelerators can be had with n1 machines, in any of these counts.
var attachable = map[string][]int{
	"NVIDIA_TESLA_P100": {1, 2, 4},
	"NVIDIA_TESLA_P4":   {1, 2, 4},
	"NVIDIA_TESLA_T4":   {1, 2, 4},
	"NVIDIA_TESLA_V100": {1, 2, 4, 8},
}

// plain are the families of machines that take no accelerator.
var plain = []string{"c2-", "c2d-", "c3-", "c3d-", "c4-", "e2-", "m1-", "n2-", "n2d-", "n4-"}

// fit completes a machine and tells what contradicts. What it does not know it lets pass,
// with a note: machine types are added faster than gateways.
func (m *machineSpec) fit() (note string, err error) {
	fixed, known := machines[m.Type]
	switch {
	case m.Type == "" && (m.Accelerator != "" || m.Accelerators != 0):
		return "", fmt.Errorf("accelerator %q x %d: want the machine type that has it%s", m.Accelerator, m.Accelerators, having(m.Accelerator))
	case m.Type == "":
		return "", nil
	case m.Accelerators < 0:
		return "", fmt.Errorf("%d accelerators: want 1 or more", m.Accelerators)
	case known:
		return "", m.fitFixed(fixed)
	case strings.HasPrefix(m.Type, "n1-"):
		return "", m.fitAttached()
	case slices.ContainsFunc(plain, func(family string) bool { return strings.HasPrefix(m.Type, family) }):
		if m.Accelerator != "" || m.Accelerators != 0 {
			return "", fmt.Errorf("machine type %q takes no accelerators%s", m.Type, having(m.Accelerator))
		}
		return "", nil
	case m.Accelerator != "" && m.Accelerators == 0:
		m.Accelerators = 1
	}
	return fmt.Sprintf("machine type %q is not known here; Vertex AI will tell whether it fits", m.Type), nil
}

func (m *machineSpec) fitFixed(has gpu) error {
	if m.Accelerator != "" && m.Accelerator != has.kind || m.Accelerators != 0 && m.Accelerators != has.count {
		return fmt.Errorf("machine type %q has %d %s, not %d %s%s", m.Type, has.count, has.kind, max(m.Accelerators, 1), cmp.Or(m.Accelerator, has.kind), having(cmp.Or(m.Accelerator, has.kind)))
	}
	m.Accelerator, m.Accelerators = has.kind, has.count
	return nil
}

func (m *machineSpec) fitAttached() error {
	if m.Accelerator == "" {
		if m.Accelerators != 0 {
			return fmt.Errorf("%d accelerators: of which type?", m.Accelerators)
		}
		return nil
	}
	counts := attachable[m.Accelerator]
	m.Accelerators = max(m.Accelerators, 1)
	if !slices.Contains(counts, m.Accelerators) {
		return fmt.Errorf("machine type %q cannot have %d %s%s", m.Type, m.Accelerators, m.Accelerator, having(m.Accelerator))
	}
	return nil
}

// having tells in words which machine types have an accelerator.
func having(accelerator string) string {
	var found []string
	for machine, has := range machines {
		if has.kind == accelerator {
			found = append(found, machine)
		}
	}
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(machines[a].count-machines[b].count, len(a)-len(b), strings.Compare(a, b))
	})
	if counts := attachable[accelerator]; counts != nil {
		return fmt.Sprintf("; n1 machines have %s, %s at a time", accelerator, strings.Trim(strings.ReplaceAll(fmt.Sprint(counts), " ", ", "), "[]"))
	}
	if len(found) == 0 {
		return ""
	}
	return "; " + accelerator + " is in " + strings.Join(found, ", ")
}
