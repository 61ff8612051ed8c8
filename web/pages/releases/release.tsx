import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at } from '../../api/client.ts'
import { Ago, Badge, Digest, Facts, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { shortDigest } from '../../parts/words.ts'
import { hrefTo } from '../../shell/place.ts'

type Found = Answers['getRelease']
type File = Found['files'][number]

interface ReleaseProps {
  readonly product: string
  readonly variant: string
  readonly release: string
}

export function Release({ product, variant, release }: ReleaseProps) {
  const answer = useAnswer('getRelease', at('releases', product, variant, release))
  const title = `${product} ${variant}, ${release.startsWith('sha256:') ? shortDigest(release) : release}`
  const trail = [
    ['Releases', hrefTo(['releases'])],
    [product, hrefTo(['releases', product])],
    [variant, hrefTo(['releases', product], { variant })],
  ] as const
  return (
    <Page title={title} trail={trail}>
      <Shown of={answer}>
        {(data) => (
          <>
            <Facts
              of={[
                ['Release', <Digest digest={data.id} />],
                [
                  'Held by',
                  data.channels.length === 0
                    ? (data.archived?.at ?? 'nothing')
                    : data.channels.map((each) => <Badge key={each}>{each}</Badge>),
                ],
                ['Size', <Size bytes={data.size} />],
                ['Made', <Ago at={data.created} />],
                ['By', data.by],
                data.message === undefined ? undefined : ['Note', data.message],
                ['Pinned', data.pinned ? 'yes, it is never dropped' : 'no'],
              ]}
            />
            <Section title="Files">
              <Table label="Files" columns={columns} rows={data.files} keyOf={({ path }) => path} />
            </Section>
            <Provenance data={data} />
          </>
        )}
      </Shown>
    </Page>
  )
}

const columns: Column<File>[] = [
  {
    title: 'File',
    isWide: true,
    cell: ({ path, download }) => (
      <a href={download} download={path.split('/').at(-1)} data-row="">
        {path}
      </a>
    ),
  },
  { title: 'Size', isNumber: true, cell: ({ size }) => <Size bytes={size} /> },
  { title: 'SHA-256', cell: ({ digest }) => <Digest digest={digest} /> },
  { title: 'SHA-1', cell: ({ sha1 }) => <Digest digest={sha1} /> },
  { title: 'Mode', isNumber: true, cell: ({ mode }) => <code>{mode.toString(8).padStart(4, '0')}</code> },
]

/** What it was built of and how, and where it was published. */
function Provenance({ data: { sources, fields, published, variantLabel, variant } }: { readonly data: Found }) {
  return (
    <>
      <Section title="Built of">
        <Facts
          of={[
            [variantLabel, variant],
            ...Object.entries(sources).map(
              ([name, { commit, dirty, system }]) =>
                [
                  `${name} (${system})`,
                  <>
                    <Digest digest={commit} /> {dirty && <Badge tone="warn">with changes</Badge>}
                  </>,
                ] as const,
            ),
            ...Object.entries(fields).map(([name, value]) => [name, value] as const),
          ]}
        />
      </Section>
      {published.length > 0 && (
        <Section title="Published as">
          <ul class="list">
            {published.map((each) => (
              <li key={each}>
                <code>{each}</code>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  )
}
