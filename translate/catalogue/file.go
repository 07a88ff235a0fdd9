package catalogue

import (
	_ "embed"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// builtin is the catalogue of the day this binary was built.
//
//go:embed models.json
var builtin []byte

// file is the form of models.json.
type file struct {
	Families []Family         `json:"families"`
	Models   []jsontext.Value `json:"models"`
}

// Builtin returns the catalogue that comes with this binary. Every call reads it anew, so
// keep the result.
func Builtin() *Catalogue {
	c, err := Parse(builtin)
	if err != nil {
		panic("catalogue: models.json: " + err.Error())
	}
	return c
}

// Parse reads a catalogue from JSON of the form {"families": [...], "models": [...]}, the
// elements being [Family] and [Model]. Unknown keys and values, missing or repeated ids,
// names of two models and negative numbers are errors that name the model and the field.
func Parse(data []byte) (*Catalogue, error) {
	var f file
	if err := strict(data, &f); err != nil {
		return nil, err
	}
	if err := checkFamilies(f.Families); err != nil {
		return nil, err
	}
	models := make([]Model, len(f.Models))
	for i, raw := range f.Models {
		if err := strict(raw, &models[i]); err != nil {
			return nil, fmt.Errorf("models[%d] %q: %w", i, models[i].ID, err)
		}
	}
	return (&Catalogue{families: f.Families}).Override(models)
}

func strict(data []byte, into any) error {
	return json.Unmarshal(data, into, json.RejectUnknownMembers(true))
}
