package transcript

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const page = `Some words, and a block that is no console:

` + "```sh\n$ not played\n```" + `

` + "```console" + `
$ first \
>   --with more
some output
$ silent
$ last
` + "```" + `

Words after it.
`

func TestADocumentIsReadAndWrittenAsItWas(t *testing.T) {
	document := Parse(page)
	assert.Equal(t, page, document.String())
	steps := document.Steps()
	require.Len(t, steps, 3)
	assert.Equal(t, Step{Command: "first \\\n  --with more", Output: "some output\n", Line: 8}, *steps[0])
	assert.Equal(t, Step{Command: "silent", Line: 11}, *steps[1])
}

func TestWhatDiffersEachTimeIsMasked(t *testing.T) {
	tests := map[string]struct{ one, other string }{
		"ages and the width of their columns": {"NAME   AGE\ndb-0   5s  \n", "NAME   AGE\ndb-0   1m12s\n"},
		"durations":                           {"quiesced for 1.204s", "quiesced for 987ms"},
		"durations in words":                  {"after 1.2 seconds", "after 1 second"},
		"times":                               {"at 2026-11-26T21:05:18Z, 21:05:18.123", "at 2027-01-02T01:02:03.5Z, 01:02:03"},
		"times for people":                    {"Created: Thu, 26 Nov 2026 21:49:10 +0000", "Created: Fri, 1 Jan 2027 01:02:03 +0000"},
		"marks of a process":                  {"app.kubernetes.io/instance=4fgdmz6k", "app.kubernetes.io/instance=zzzzzzzz"},
		"addresses":                           {"10.244.0.17:8080", "10.244.0.3:8080"},
		"generated names":                     {"hooksession/backup-x7f2k created", "hooksession/backup-b9d4z created"},
		"names of a Deployment's pods":        {"pod/web-7f9c4b6d5f-x7f2k", "pod/web-5d8f7c9b46-zzzzz"},
		"UIDs":                                {"uid: 0d2c8f6a-5f9e-4a56-9f0e-3b1d8a5a2c11", "uid: 7a9e0c55-1111-4222-8333-444455556666"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.NotEqual(t, test.one, test.other)
			assert.Equal(t, Mask(test.one), Mask(test.other))
		})
	}
}

func TestWhatSaysSomethingElseIsNotMasked(t *testing.T) {
	for _, pair := range [][2]string{
		{"shop-db", "shop-web"}, {"2 hooks", "3 hooks"}, {"backup-x7f2k created", "snapshot-x7f2k created"}, {"exit code 3", "exit code 4"}, {"a\n  b", "a\nb"},
	} {
		assert.NotEqual(t, Mask(pair[0]), Mask(pair[1]))
	}
}

// prints is a shell that answers as it is told, and remembers what it was asked.
func prints(answers map[string]string, asked *[]string) Shell {
	return func(command string, _ int) (string, int, error) {
		*asked = append(*asked, command)
		output, known := answers[command]
		if !known {
			return "", 0, errors.New("not known")
		}
		output, failed := strings.CutPrefix(output, "!")
		if failed {
			return output, 3, nil
		}
		return output, 0, nil
	}
}

func of(lines string) *Document { return Parse("```console\n" + lines + "```\n") }

func TestGeneratedNamesAreThoseOfNow(t *testing.T) {
	var asked []string
	document := of("$ create\nbackup-x7f2k created\n$ show backup-x7f2k\nNAME AGE\nbackup-x7f2k 5s\n")
	err := document.Play(prints(map[string]string{"create": "backup-zzzzz created", "show backup-zzzzz": "NAME AGE\nbackup-zzzzz 7s"}, &asked), NewNames(), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"create", "show backup-zzzzz"}, asked)
}

func TestWhatIsPrintedNowIsRecordedWithTheNamesOfThen(t *testing.T) {
	var asked []string
	document := of("$ create\nbackup-x7f2k created 5s ago\n$ show backup-x7f2k\nold\n")
	shell := prints(map[string]string{"create": "backup-zzzzz created 7s ago", "show backup-zzzzz": "backup-zzzzz-0 is new"}, &asked)
	require.ErrorContains(t, document.Play(shell, NewNames(), false), "-old\n+backup-NAME-0 is new")
	require.NoError(t, document.Play(shell, NewNames(), true))
	assert.Equal(t, of("$ create\nbackup-x7f2k created 7s ago\n$ show backup-x7f2k\nbackup-x7f2k-0 is new\n").String(), document.String())
}

func TestACommandFailsOnlyWhereItIsSeen(t *testing.T) {
	var asked []string
	shell := prints(map[string]string{"fail": "!error: no\n", "echo $?": "3"}, &asked)
	require.NoError(t, of("$ fail\nerror: no\n$ echo $?\n3\n").Play(shell, NewNames(), false))
	require.ErrorContains(t, of("$ fail\nerror: no\n").Play(shell, NewNames(), false), "exit code 3")
	require.ErrorContains(t, of("lost\n").Play(shell, NewNames(), false), "a console begins with a command")
}
