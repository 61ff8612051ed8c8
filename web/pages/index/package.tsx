import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at, withQuery } from '../../api/client.ts'
import { Ago, Badge, Digest, Facts, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { countText } from '../../parts/words.ts'
import { hrefTo, place } from '../../shell/place.ts'

type File = Answers['getPackage']['files'][number]

export function Package({ environment }: { readonly environment: string }) {
  const { prefix = '', name = '' } = Object.fromEntries(place.value.query)
  const answer = useAnswer('getPackage', withQuery(`${at('index', environment)}/package`, { prefix, name }))
  const mount = useAnswer('getIndexEnvironment', at('index', environment)).data?.mount
  return (
    <Page
      title={name}
      trail={[
        ['Index', hrefTo(['index'])],
        [prefix, hrefTo(['index', environment, 'packages'], { prefix })],
      ]}
    >
      <Shown of={answer}>
        {({ status, files, refused, withdrawn }) => (
          <>
            <Facts
              of={[
                ['Status', <Badge tone={status.status === 'active' ? 'good' : 'warn'}>{status.status}</Badge>],
                status.reason === undefined ? undefined : ['Why', status.reason],
                ['Files', countText(files.length)],
                ['Size', <Size bytes={files.reduce((sum, each) => sum + each.size, 0)} />],
              ]}
            />
            <Section title="Files">
              <Table
                label={`Files of ${name}`}
                columns={columnsOf(mount === undefined ? undefined : `${mount}${prefix}/`)}
                rows={files}
                keyOf={(file) => file.name}
              />
            </Section>
            {refused.length > 0 && (
              <Section title="Refused">
                <Table label="Files that cannot be published" rows={refused} keyOf={(file) => file.name} columns={refusedColumns} />
              </Section>
            )}
            {withdrawn.length > 0 && (
              <Section title="Withdrawn">
                <Table label="Files that were withdrawn" rows={withdrawn} keyOf={(file) => file.name} columns={withdrawnColumns} />
              </Section>
            )}
          </>
        )}
      </Shown>
    </Page>
  )
}

/** Below `folder` the server gives the files themselves. */
function columnsOf(folder: string | undefined): Column<File>[] {
  return [
    {
      title: 'File',
      isWide: true,
      cell: ({ name, yanked }) => (
        <>
          {folder === undefined ? (
            name
          ) : (
            <a href={`${folder}${encodeURIComponent(name)}`} download data-row="">
              {name}
            </a>
          )}{' '}
          {yanked !== undefined && <Badge tone="warn">yanked{yanked === '' ? '' : `: ${yanked}`}</Badge>}
        </>
      ),
    },
    { title: 'Version', cell: ({ version }) => version },
    { title: 'Size', isNumber: true, cell: ({ size }) => <Size bytes={size} /> },
    { title: 'SHA-256', cell: ({ digest }) => <Digest digest={digest} /> },
    { title: 'Python', cell: ({ requiresPython }) => requiresPython ?? <span class="faint">any</span> },
    { title: 'Uploaded', cell: ({ uploaded }) => <Ago at={uploaded} /> },
  ]
}

const refusedColumns: Column<Answers['getPackage']['refused'][number]>[] = [
  { title: 'File', isWide: true, cell: (file) => file.name },
  { title: 'Size', isNumber: true, cell: (file) => <Size bytes={file.size} /> },
  { title: 'Why', isWide: true, cell: (file) => file.reason },
]

const withdrawnColumns: Column<Answers['getPackage']['withdrawn'][number]>[] = [
  { title: 'File', isWide: true, cell: (file) => file.name },
  { title: 'Since', cell: (file) => <Ago at={file.since} /> },
  { title: 'Why', isWide: true, cell: (file) => file.why },
]
