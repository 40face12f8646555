package walkthrough

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// Terminal runs helm, kubectl and velero against the cluster, in the root of the repository.
type Terminal struct {
	// Screen is where each command and its output appear, as a person would see them. Without one they do not.
	Screen io.Writer

	folder      string
	environment []string
	programs    map[string]string
}

// OpenTerminal finds the programs and the running cluster.
func OpenTerminal(ctx context.Context, cluster Cluster, screen io.Writer) (*Terminal, error) {
	helm := os.Getenv("HELM")
	if helm == "" {
		return nil, errors.New("HELM is not set: run this by make, which builds helm and sets HELM to its path")
	}
	kubeconfig, err := cluster.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	terminal := &Terminal{
		Screen:      screen,
		folder:      cluster.Repository,
		environment: append(os.Environ(), "KUBECONFIG="+kubeconfig),
		programs:    map[string]string{"helm": helm},
	}
	for _, name := range []string{"kubectl", "velero"} {
		if terminal.programs[name], err = cluster.Binary(ctx, name); err != nil {
			return nil, err
		}
	}
	return terminal, nil
}

// Quietly is the same terminal without its screen.
func (t *Terminal) Quietly() *Terminal {
	quiet := *t
	quiet.Screen = nil
	return &quiet
}

// Run runs a program and returns what it wrote to its standard output.
func (t *Terminal) Run(ctx context.Context, program string, args ...string) (string, error) {
	return t.run(ctx, "", program, args...)
}

// Apply applies objects that are not in a file.
func (t *Terminal) Apply(ctx context.Context, objects string) error {
	_, err := t.run(ctx, objects, "kubectl", "apply", "-f", "-")
	return err
}

func (t *Terminal) run(ctx context.Context, stdin, program string, args ...string) (string, error) {
	line := commandLine(program, args)
	path, known := t.programs[program]
	if !known {
		path = program
	}
	command := exec.CommandContext(ctx, path, args...)
	command.Dir, command.Env = t.folder, t.environment
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if stdin != "" {
		command.Stdin = strings.NewReader(stdin)
	}
	if t.Screen != nil {
		fmt.Fprintf(t.Screen, "$ %s", line)
		if stdin != "" {
			fmt.Fprintf(t.Screen, " <<EOF\n%sEOF", stdin)
		}
		fmt.Fprintln(t.Screen)
		command.Stdout, command.Stderr = io.MultiWriter(t.Screen, &stdout), io.MultiWriter(t.Screen, &stderr)
	}
	interruptible(command)
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w\n%s", line, err, strings.TrimSpace(stdout.String()+stderr.String()))
	}
	return stdout.String(), nil
}

// plain arguments mean the same to a shell as they do here.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// longestLine that a command is shown on before it is broken, at its flags.
const longestLine = 100

// commandLine is a command as it can be given to a shell.
func commandLine(program string, args []string) string {
	var line strings.Builder
	line.WriteString(program)
	column := len(program)
	for i, arg := range args {
		if !plain.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		width := len(arg) + 1
		if strings.HasPrefix(arg, "-") {
			// A flag and its value stay together.
			if i+1 < len(args) {
				width += len(args[i+1]) + 1
			}
			if column+width > longestLine {
				line.WriteString(" \\\n   ")
				column = 3
			}
		}
		line.WriteString(" " + arg)
		column += len(arg) + 1
	}
	return line.String()
}
