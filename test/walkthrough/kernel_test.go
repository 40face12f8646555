package walkthrough

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMountPoints(t *testing.T) {
	const table = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
90 22 7:3 / /somewhere/volume rw,relatime shared:7 master:2 - ext4 /dev/loop3 rw
91 22 7:30 / /elsewhere rw,relatime - ext4 /dev/loop30 rw
92 22 7:3 / /with\040a\040space rw,relatime - ext4 /dev/loop3 rw
`
	assert.Equal(t, []string{"/with a space", "/somewhere/volume"}, parseMountPoints(table, "/dev/loop3"))
	assert.Equal(t, []string{"/elsewhere"}, parseMountPoints(table, "/dev/loop30"))
	assert.Empty(t, parseMountPoints(table, "/dev/loop0"))
}
