package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"vertexgateway/vertex"
)

type endpointsDeploy struct {
	account

	Model            string        `placeholder:"MODEL" help:"gs://BUCKET/FOLDER, PUBLISHER/MODEL@VERSION of Model Garden, or AUTHOR/MODEL of Hugging Face."`
	Location         string        `placeholder:"REGION" help:"Where to."`
	EndpointName     string        `placeholder:"NAME" help:"How the endpoint is called."`
	MachineType      string        `placeholder:"TYPE" help:"Machine, as g2-standard-12; default: what suits the model."`
	AcceleratorType  string        `placeholder:"TYPE" help:"Accelerator, as NVIDIA_L4; default: the machine's."`
	AcceleratorCount int           `placeholder:"N" help:"How many a machine has; default: the machine's."`
	Replicas         int           `placeholder:"N" help:"Machines there are at least; default: 1."`
	MaxReplicas      int           `placeholder:"N" help:"Machines under load; default: replicas."`
	ScaleToZero      bool          `help:"No machines while nobody asks; whoever asks then waits."`
	SharedHost       bool          `help:"No host name of its own."`
	PscProject       []string      `placeholder:"ID" help:"Projects that reach it by Private Service Connect; default: it is public."`
	AcceptEula       bool          `help:"Accept the model's licence."`
	HuggingFaceToken string        `placeholder:"TOKEN" help:"Read token for gated models."`
	Follow           string        `placeholder:"OPERATION" help:"Follow a deployment that began before."`
	Poll             time.Duration `default:"30s" placeholder:"30s" help:"Pause between two looks at it."`
}

// Help is shown by gateway endpoints deploy --help.
func (*endpointsDeploy) Help() string {
	return `It costs what its machines cost, from the start and until it is undeployed. Progress goes to standard error, the lines
for the configuration to standard output. Ctrl-C leaves the deployment running, with exit code 1.`
}

// Validate is called by kong.
func (c *endpointsDeploy) Validate() error {
	switch {
	case c.Follow == "" && (c.Model == "" || c.Location == ""):
		return errors.New("--model and --location say what to deploy and where to, or --follow what to follow")
	case c.Follow != "" && c.Model != "":
		return errors.New("--follow begins nothing, so --model has no place beside it")
	case c.Poll <= 0:
		return fmt.Errorf("--poll=%s: want a pause", c.Poll)
	case c.Follow != "":
		return vertex.CheckOperation(c.Follow)
	}
	return nil
}

var errInterrupted = errors.New("interrupted")

const (
	// beginTimeout bounds the call that begins a deployment.
	beginTimeout = 2 * time.Minute
	// describeTimeout bounds the look at the endpoint it made.
	describeTimeout = 20 * time.Second
)

// Run begins a deployment, unless one is only to be followed, and follows it to its end.
func (c *endpointsDeploy) Run(ctx context.Context, s *system) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go interrupt(ctx, s.stopSignals(), cancel)
	d, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer d.client.Close()
	d.patient.weights = c.Model
	d.patient.publisher, d.patient.model = cardOf(c.Model)
	operation := c.Follow
	if operation == "" {
		if operation, err = c.begin(ctx, s, d); err != nil {
			return err
		}
	}
	return c.follow(ctx, s, d, operation)
}

// interrupt cancels at a signal.
func interrupt(ctx context.Context, stop <-chan os.Signal, cancel context.CancelCauseFunc) {
	select {
	case <-stop:
		cancel(errInterrupted)
	case <-ctx.Done():
	}
}

// cardOf splits the name of a model of Model Garden.
func cardOf(model string) (publisher, name string) {
	publisher, name, _ = strings.Cut(strings.TrimPrefix(model, "publishers/"), "/")
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "models/"), "@")
	return publisher, name
}

// begin checks and begins a deployment.
func (c *endpointsDeploy) begin(ctx context.Context, s *system, d *desk) (operation string, err error) {
	deployment := c.deployment(d.project)
	notes, err := deployment.Check()
	if err != nil {
		return "", err
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(s.stderr, "note:", note); err != nil {
			return "", err
		}
	}
	limited, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	began, err := d.client.Deploy(limited, deployment)
	if ctx.Err() != nil {
		return "", fmt.Errorf("%w before Vertex AI said whether it begins; gateway endpoints list shows it if it did", context.Cause(ctx))
	}
	switch {
	case err != nil && mayHaveBegun(err):
		return "", fmt.Errorf("%w\nIt may have begun all the same; gateway endpoints list shows it then", d.patient.advise(err))
	case err != nil:
		return "", d.patient.advise(err)
	}
	_, err = fmt.Fprintf(s.stderr, "Deploying %s in %s of %s. This takes minutes; Ctrl-C leaves it running.\n%s\n", c.Model, c.Location, d.project, began.Name)
	return began.Name, err
}

// mayHaveBegun tells whether Vertex AI may have taken a deployment in spite of the error:
// who simply tries again would then pay twice.
func mayHaveBegun(err error) bool {
	if refusal, ok := errors.AsType[*vertex.APIError](err); ok {
		return refusal.Status >= http.StatusInternalServerError
	}
	if unsent, ok := errors.AsType[*net.OpError](err); ok && unsent.Op == "dial" {
		return false
	}
	_, unsent := errors.AsType[*vertex.CredentialsError](err)
	return !unsent
}

func (c *endpointsDeploy) deployment(project string) *vertex.Deployment {
	return &vertex.Deployment{
		Project: project, Location: c.Location, Model: c.Model, Name: c.EndpointName,
		Machine: c.MachineType, Accelerator: c.AcceleratorType, Accelerators: c.AcceleratorCount,
		Replicas: c.Replicas, MaxReplicas: c.MaxReplicas, ScaleToZero: c.ScaleToZero,
		Shared: c.SharedHost, PrivateProjects: c.PscProject,
		AcceptEULA: c.AcceptEula, HuggingFaceToken: c.HuggingFaceToken,
	}
}

// follow tells how a deployment gets on, and prints its entry for the configuration at the
// end.
func (c *endpointsDeploy) follow(ctx context.Context, s *system, d *desk, operation string) error {
	began := time.Now()
	done, err := d.client.Follow(ctx, operation, c.Poll, func(*vertex.Operation) {
		_, _ = fmt.Fprintf(s.stderr, "%s: under way\n", time.Since(began).Round(time.Second)) // it goes on unseen
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("%w; the deployment goes on. To follow it:\n%s", context.Cause(ctx), c.resume(operation))
	case vertex.IsGone(err):
		return err // there is nothing to follow
	case err != nil:
		return fmt.Errorf("%w\nThe deployment may go on. To follow it:\n%s", d.patient.advise(err), c.resume(operation))
	case done.Err != nil:
		return fmt.Errorf("the deployment failed: %w", d.patient.advise(done.Err))
	}
	if _, err := fmt.Fprintf(s.stderr, "%s: deployed\n", time.Since(began).Round(time.Second)); err != nil {
		return err
	}
	if done.Endpoint == (vertex.EndpointName{}) {
		return fmt.Errorf("operation %q does not tell its endpoint; gateway endpoints list shows it", operation)
	}
	_, err = io.WriteString(s.stdout, entryOf(c.made(ctx, d, done.Endpoint), d.config))
	return err
}

// resume are command lines that follow the deployment again.
func (c *endpointsDeploy) resume(operation string) string {
	words := []string{"gateway endpoints deploy --follow=" + operation}
	if c.Config != "" {
		words = append(words, "--config="+quoted(c.Config))
	}
	if c.Project != "" {
		words = append(words, "--project="+quoted(c.Project))
	}
	line := strings.Join(words, " ")
	part := strings.Split(operation, "/")
	return line + "\ngcloud ai operations describe " + part[len(part)-1] + " --region=" + part[3] + " --project=" + part[1]
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	plain := strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=+,", r))
	}) < 0
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// made describes the endpoint that was made; where it cannot be looked at, by its name,
// whose project is then the number that Google says.
func (c *endpointsDeploy) made(ctx context.Context, d *desk, name vertex.EndpointName) *vertex.Endpoint {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	asked := name
	asked.Project = d.project
	e, err := d.client.Endpoint(ctx, asked)
	if err != nil {
		return &vertex.Endpoint{Name: name, DisplayName: c.EndpointName, Private: vertex.PrivateConnect{Enabled: len(c.PscProject) > 0}}
	}
	return e
}
