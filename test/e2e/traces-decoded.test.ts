import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { startHttpServer } from '../fakes/http-server.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { fakeTerminal } from '../fakes/terminal.ts'
import { runCli } from '../../src/cli/program.ts'
import { run, systemClock } from '../../src/kit/index.ts'

const scratch = scratchDirectory()
const why = process.env['HOLDFAST_SOAK'] === '1' ? false : 'needs PyPI: HOLDFAST_SOAK=1'

/** OpenTelemetry's own messages, by Google's own runtime: a field that these do not know would be lost in what they write again. */
const decode = `
import json, sys
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
found = []
for file in sys.argv[1:]:
    data = open(file, 'rb').read()
    request = ExportTraceServiceRequest.FromString(data)
    size = request.ByteSize()
    request.DiscardUnknownFields()
    assert request.ByteSize() == size, 'unknown fields'
    for spans in request.resource_spans:
        service = {each.key: each.value.string_value for each in spans.resource.attributes}['service.name']
        for scope in spans.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8 and 0 < span.start_time_unix_nano <= span.end_time_unix_nano
                found.append({
                    'service': service, 'scope': scope.scope.name, 'name': span.name, 'kind': span.kind,
                    'trace': span.trace_id.hex(), 'id': span.span_id.hex(), 'parent': span.parent_span_id.hex(), 'status': span.status.code,
                    'attributes': {each.key: getattr(each.value, each.value.WhichOneof('value')) for each in span.attributes},
                })
print(json.dumps(found))
`

interface Decoded {
  readonly service: string
  readonly scope: string
  readonly name: string
  readonly kind: number
  readonly trace: string
  readonly id: string
  readonly parent: string
  readonly status: number
  readonly attributes: Readonly<Record<string, string | number>>
}

test('spans in protobuf are read by the messages that OpenTelemetry publishes for Python', { skip: why }, async (t) => {
  const cwd = mkdtempSync(path.join(scratch, 'project-'))
  const files: string[] = []
  const collector = await startHttpServer(async (_request, response, body) => {
    const file = path.join(cwd, `batch-${files.length}`)
    writeFileSync(file, await body())
    files.push(file)
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  t.after(() => collector.close())
  mkdirSync(path.join(cwd, 'tree'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), '[store]\nurl = "file:./store"\n')
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const env = { HOME: cwd, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, TRACEPARENT: `00-${trace}-b7ad6b7169203331-01` }
  const exits: number[] = []
  for (const line of ['snapshot create tree', 'snapshot restore nothing --to there'])
    exits.push(await runCli(line.split(' '), fakeTerminal({ cwd, env, clock: systemClock }).host))
  assert.deepEqual(exits, [0, 4])

  const library = path.join(cwd, 'library')
  await python('-m', 'pip', 'install', '--quiet', '--target', library, 'opentelemetry-proto')
  const spans = JSON.parse(await python('-c', `import sys; sys.path.insert(0, sys.argv.pop(1))\n${decode}`, library, ...files)) as Decoded[]
  const [created, refused] = ['holdfast snapshot create', 'holdfast snapshot restore'].map((name) =>
    spans.find((span) => span.name === name),
  )
  assert.deepEqual(
    [created?.service, created?.scope, created?.trace, created?.parent, created?.kind, created?.attributes['process.exit.code']],
    ['holdfast', 'holdfast', trace, 'b7ad6b7169203331', 1, 0],
  )
  assert.deepEqual([refused?.status, refused?.attributes['process.exit.code'], refused?.attributes['error.type']], [2, 4, '4'])
  const puts = spans.filter(({ name, parent }) => name === 'store put' && parent === created?.id)
  assert.ok(puts.some(({ attributes, kind }) => kind === 3 && String(attributes['holdfast.store.key']).startsWith('refs/snapshots/')))
})

/** With the settings of whoever runs the tests: where PyPI is reached may be among them. */
async function python(...words: readonly string[]): Promise<string> {
  const { status, stdout, tail } = await run(['python3', ...words])
  assert.equal(status, 0, tail.join('\n'))
  return stdout
}
