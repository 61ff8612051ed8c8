import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at, withQuery } from '../../api/client.ts'
import { Badge, Digest, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { shortDigest } from '../../parts/words.ts'
import { hrefTo, place } from '../../shell/place.ts'

type Compared = Answers['compareReleases']

const tones = { add: 'good', change: 'warn', remove: 'bad' } as const

export function Difference({ product }: { readonly product: string }) {
  const { query } = place.value
  const { variant = '', a = '', b = '', variantB } = Object.fromEntries(query)
  const answer = useAnswer('compareReleases', withQuery(`${at('releases', product)}/diff`, { variant, a, b, variantB }))
  return (
    <Page
      title={`${nameOf(a)} and ${nameOf(b)}`}
      trail={[
        ['Releases', hrefTo(['releases'])],
        [product, hrefTo(['releases', product], { variant })],
      ]}
      actions={
        <a
          class="button"
          href={hrefTo(['releases', product, 'diff'], {
            variant: variantB ?? variant,
            a: b,
            b: a,
            variantB: variantB === undefined ? undefined : variant,
          })}
        >
          The other way round
        </a>
      }
    >
      <Shown of={answer}>{(data) => <Sides data={data} />}</Shown>
    </Page>
  )
}

function Sides({ data: { a, b, sameFiles, files, sources, fields } }: { readonly data: Compared }) {
  const titles = [shortDigest(a.id), shortDigest(b.id)] as const
  const both = [
    ...sources.map(({ name, a: before, b: after }) => ({ name, before: before?.commit, after: after?.commit })),
    ...fields.map(({ name, a: before, b: after }) => ({ name, before, after })),
  ]
  return (
    <>
      <Section title="Files">
        {sameFiles ? (
          <p class="fine">Both have the same files, byte for byte.</p>
        ) : (
          <Table
            label="Files that differ"
            rows={files}
            keyOf={({ path }) => path}
            columns={[
              { title: 'Change', cell: ({ change }) => <Badge tone={tones[change]}>{change}</Badge> },
              { title: 'File', isWide: true, cell: ({ path }) => path },
              { title: titles[0], cell: ({ before }) => <Side side={before} /> },
              { title: titles[1] === titles[0] ? `${titles[1]} ` : titles[1], cell: ({ after }) => <Side side={after} /> },
            ]}
          />
        )}
      </Section>
      <Section title="Built of">
        {both.length === 0 ? (
          <p class="fine">Both were built of the same.</p>
        ) : (
          <Table
            label="What they were built of"
            rows={both}
            keyOf={({ name }) => name}
            columns={[
              { title: 'What', cell: ({ name }) => name },
              { title: 'Before', isWide: true, cell: ({ before }) => before ?? <span class="faint">–</span> },
              { title: 'After', isWide: true, cell: ({ after }) => after ?? <span class="faint">–</span> },
            ]}
          />
        )}
      </Section>
    </>
  )
}

function Side({ side }: { readonly side: { readonly size: number; readonly digest: string } | undefined }) {
  if (side === undefined) return <span class="faint">–</span>
  return (
    <>
      <Digest digest={side.digest} /> <Size bytes={side.size} />
    </>
  )
}

function nameOf(written: string): string {
  return written.startsWith('sha256:') ? shortDigest(written) : written
}
