package vertex

import "slices"

// regions are where endpoints can be: those of the API's discovery document, revision
// 20261028.
var regions = []string{
	"us-central1", "us-central2", "us-east1", "us-east4", "us-east5", "us-east7", "us-south1",
	"us-west1", "us-west2", "us-west3", "us-west4", "us-west8",
	"northamerica-northeast1", "northamerica-northeast2", "southamerica-east1", "southamerica-west1",
	"europe-central2", "europe-north1", "europe-north2", "europe-southwest1",
	"europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6",
	"europe-west8", "europe-west9", "europe-west10", "europe-west12", "europe-west15",
	"asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
	"asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3",
	"australia-southeast1", "australia-southeast2",
	"me-central1", "me-central2", "me-west1", "africa-south1",
}

// Regions are the single regions of Vertex AI.
func Regions() []string { return slices.Clone(regions) }

// IsRegion tells whether a location is a single one, where endpoints can be, and neither
// global nor one of several regions. New regions count too.
func IsRegion(location string) bool {
	return location != "global" && location != "us" && location != "eu" && isLabel(location)
}
