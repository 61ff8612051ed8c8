import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Column, renderTable } from './table.ts'
import { displayWidth } from './width.ts'

interface Row {
  readonly name: string
  readonly size: string
  readonly by: string
}

const columns: Column<Row>[] = [
  { header: 'NAME', cell: (row) => row.name, min: 6 },
  { header: 'SIZE', cell: (row) => row.size, align: 'right', priority: 2 },
  { header: 'BY', cell: (row) => row.by, priority: 1, min: 5 },
]
const rows: Row[] = [
  { name: 'librcclx-dev.a', size: '812 MiB', by: 'builder@rack-7' },
  { name: '安装', size: '9 B', by: 'ada' },
]

test('a table is written in full where nobody limits its width', () => {
  assert.equal(
    renderTable(columns, rows, { width: undefined }),
    ['NAME               SIZE  BY', 'librcclx-dev.a  812 MiB  builder@rack-7', '安装                9 B  ada'].join('\n'),
  )
})

test('long cells are cut before a column leaves', () => {
  const lines = renderTable(columns, rows, { width: 30 }).split('\n')
  assert.match(lines[1]!, /^librc.*…\s+812 MiB\s+build.*…$/)
})

test('the least important columns leave first', () => {
  assert.deepEqual(renderTable(columns, rows, { width: 20 }).split('\n')[0]!.trim().split(/\s+/), ['NAME', 'SIZE'])
  assert.deepEqual(renderTable(columns, rows, { width: 10 }).split('\n')[0]!.trim().split(/\s+/), ['NAME'])
})

test('no line is longer than the terminal, at any width', () => {
  for (let width = 4; width < 60; width++) {
    for (const line of renderTable(columns, rows, { width }).split('\n')) assert.ok(displayWidth(line) <= width, `${width}: ${line}`)
  }
})

test('a name from a store cannot drive the terminal or break the line', () => {
  const lines = renderTable(columns, [{ name: 'a\u001b[2J\nb', size: '1 B', by: '' }], { width: undefined }).split('\n')
  assert.equal(lines.length, 2)
  assert.match(lines[1]!, /^a\\u001b\[2J b/)
})
