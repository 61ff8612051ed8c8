/** The files that are made from the sources. `npm run generate` writes them; `test/generated.test.ts` says when they are old. */
import { toJsonSchema } from '@valibot/to-json-schema'
import { type ConfigKey, configKeys, configSchema, variableOf } from '../../src/config/index.ts'
import { allRoutes, openapiOf } from '../../src/server/index.ts'
import { answerTypesOf } from './answer-types.ts'
import { cutCodeFile } from './cut-code.ts'

export interface Generated {
  readonly file: string
  readonly text: string
}

export function generateFiles(): Generated[] {
  return [
    { file: 'holdfast.schema.json', text: `${JSON.stringify(editorSchema(), null, 2)}\n` },
    { file: 'docs/configuration.md', text: configurationPage() },
    { file: 'docs/openapi.json', text: `${JSON.stringify(openapi(), null, 2)}\n` },
    { file: 'web/api/answers.ts', text: answerTypesOf(openapi()) },
    { file: 'src/chunks/cut/code.ts', text: cutCodeFile() },
  ]
}

/** Values as they are once they were checked: a number in a query is one. */
function openapi(): object {
  return openapiOf(allRoutes, (schema) => {
    const { $schema: _dialect, ...described } = toJsonSchema(schema, { typeMode: 'output', ignoreActions: ['check', 'transform'] })
    return described
  })
}

/** The schema for editors. Our own marks on fields are no words of JSON Schema and are left out. */
function editorSchema(): unknown {
  const schema = toJsonSchema(configSchema, { typeMode: 'input', ignoreActions: ['check'], target: 'draft-07' })
  const plain = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>
  removeMarks(plain)
  return { ...plain, title: 'holdfast.toml' }
}

function removeMarks(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  const members = node as Record<string, unknown>
  for (const mark of ['kind', 'as']) if (typeof members[mark] === 'string') delete members[mark]
  for (const member of Object.values(members)) removeMarks(member)
}

const intro = `# Configuration

Holdfast reads \`holdfast.toml\`, the nearest one from the working directory upwards; \`holdfast init\` writes a commented one. No file at all is fine:
every key below has its default. \`holdfast.schema.json\` in the package gives the same to editors.

- **Order.** A flag wins over a variable, a variable over the file, the file over the default. \`holdfast doctor\` and \`--verbose\` say where a value comes from.
- **Variables.** Each key has one: \`HOLDFAST_\`, then its path in capitals, with \`_\` for every other character: \`store.s3.region\` is
  \`HOLDFAST_STORE_S3_REGION\`, and \`release.my-lib.publish\` is \`HOLDFAST_RELEASE_MY_LIB_PUBLISH\` (for names that the file has). A list is written with commas.
  \`HOLDFAST_CONFIG\` names the file to read. A variable that sets nothing is told as a warning.
- **Paths** and \`file:\` URLs in the file count from the file's folder; in variables and flags, from the working directory.
- **Secrets** have no keys here: keys that end with \`_env\` name the variable that holds one. S3 credentials come from the usual AWS chain: \`AWS_ACCESS_KEY_ID\` and its like, \`~/.aws\`, machine roles.
- **Durations** are written \`30s\`, \`15m\`, \`24h\`, \`90d\`, \`1h30m\`; **sizes** \`64MiB\`, \`10GB\`, \`4096\`.
- **Mistakes** are told all at once, each with file, line, key, what was expected, and the nearest valid key. So are places
  in each other's way: publishing into the store, metadata where files are published, two products under the same keys.

The words in capitals are names of your own choice.
`

function configurationPage(): string {
  const tables = Map.groupBy(configKeys(), ({ path }) => path.slice(0, -1).join('.'))
  const sections = [...tables].map(([table, keys]) => section(table, keys))
  return `<!-- Made by npm run generate from src/config/schema.ts and test/check/generated.ts. -->\n\n${intro}\n${sections.join('\n')}`
}

function section(table: string, keys: readonly ConfigKey[]): string {
  const isList = table === 'job' || table === 'notify'
  const title = isList ? `\`[[${table}]]\`` : table === '' ? 'Before any table' : `\`[${table}]\``
  const rows = keys.map((key) => {
    const fallback = key.isRequired ? 'required' : key.default === undefined ? '' : `\`${JSON.stringify(key.default)}\``
    return `| \`${key.path.at(-1)}\` | ${key.type.replaceAll('|', '\\|')} | ${fallback} | ${key.meaning} |`
  })
  const variables = table === '' ? keys.map(({ path }) => variableOf(path)).join('`, `') : `${variableOf([...table.split('.'), ''])}…`
  const example = isList ? '' : `\nVariables: \`${variables}\`\n`
  return `## ${title}\n${example}\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}
