import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at, withQuery } from '../../api/client.ts'
import { Badge, Facts } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { countText } from '../../parts/words.ts'
import { hrefTo, place } from '../../shell/place.ts'

type Project = Answers['compareIndexes']['projects'][number]

export function IndexDifference({ environment }: { readonly environment: string }) {
  const { a = '', b = '' } = Object.fromEntries(place.value.query)
  const answer = useAnswer('compareIndexes', withQuery(`${at('index', environment)}/diff`, { a, b }))
  return (
    <Page title={`${a} and ${b}`} trail={[['Index', hrefTo(['index'])]]}>
      <Shown of={answer}>
        {({ projects, same, files }) => (
          <>
            <Facts
              of={[
                ['Added', countText(files.added)],
                ['Removed', countText(files.removed)],
                ['Changed', countText(files.changed)],
                ['Packages that are the same', countText(same)],
              ]}
            />
            {projects.length === 0 ? (
              <p class="fine">Both publish the same.</p>
            ) : (
              <Table
                label="Files that differ"
                rows={projects.flatMap(rowsOf)}
                keyOf={(row) => `${row.file} ${row.change}`}
                columns={columns}
              />
            )}
          </>
        )}
      </Shown>
    </Page>
  )
}

interface Row {
  readonly project: string
  readonly file: string
  readonly change: 'added' | 'removed' | 'changed' | 'refused'
  /** What changed, or why it was refused. */
  readonly why: string
}

function rowsOf({ name: project, added, removed, changed, refused }: Project): Row[] {
  const row =
    (change: Row['change']) => (file: { readonly name: string; readonly what?: readonly string[]; readonly reason?: string }) => ({
      project,
      file: file.name,
      change,
      why: file.reason ?? file.what?.join(', ') ?? '',
    })
  return [...added.map(row('added')), ...removed.map(row('removed')), ...changed.map(row('changed')), ...refused.map(row('refused'))]
}

const tones = { added: 'good', removed: 'bad', changed: 'warn', refused: 'warn' } as const

const columns: Column<Row>[] = [
  { title: 'Package', cell: ({ project }) => project },
  { title: 'Change', cell: ({ change }) => <Badge tone={tones[change]}>{change}</Badge> },
  { title: 'File', isWide: true, cell: ({ file }) => file },
  { title: 'Why', isWide: true, cell: ({ why }) => why },
]
