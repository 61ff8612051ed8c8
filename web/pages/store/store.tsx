import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { Bars } from '../../parts/bars.tsx'
import { Ago, Digest, Facts, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { plural } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo } from '../../shell/place.ts'

type Space = Answers['measureStore']

export function Store() {
  const store = useAnswer('getStore', '/store')
  const space = useAnswer('measureStore', store.data?.id === undefined ? undefined : '/store/space')
  const overview = useAnswer('getOverview', '/overview')
  return (
    <Page
      title="Store"
      actions={
        <>
          <Action label="Verify" title="Verify the store: names and sizes" name="store-verify" scope="store:verify" body={{}} />
          <Action
            label="Verify every byte"
            title="Verify every byte of the store"
            name="store-verify"
            scope="store:verify"
            body={{ readData: true }}
          />
        </>
      }
    >
      <Shown of={store}>
        {({ name, id, format }) => (
          <>
            <Facts
              of={[
                ['Where', <code>{name}</code>],
                id === undefined ? undefined : ['Id', <Digest digest={id} />],
                format === undefined ? undefined : ['Format', format],
                ['Verified', <Verified />],
              ]}
            />
            {id === undefined ? (
              <Empty command="holdfast release create PRODUCT">
                Nothing was ever stored here. The first command that stores something makes it.
              </Empty>
            ) : (
              <Shown
                of={space}
                waiting="Every object is counted, and what nothing reaches: of ten thousand releases, that takes some seconds."
              >
                {(data) => <SpaceShown data={data} reached={overview.data} />}
              </Shown>
            )}
          </>
        )}
      </Shown>
    </Page>
  )
}

/** By the last execution of a check that ended well. */
function Verified() {
  const { data } = useAnswer('listExecutions', '/jobs/executions?state=done&limit=1000')
  const last = data?.executions.find(({ run }) => run.startsWith('store verify'))
  if (last === undefined) return <span class="faint">not by a job</span>
  return (
    <a href={hrefTo(['jobs', last.id])}>
      <Ago at={last.ended} />
    </a>
  )
}

/** What each kind of object is, and the page of what it is kept for. */
const kindsKnown: Readonly<Record<string, { readonly means: string; readonly href?: string }>> = {
  blobs: { means: 'whole artifacts', href: hrefTo(['releases']) },
  packs: { means: 'chunks of snapshots, compressed', href: hrefTo(['store', 'snapshots']) },
  indexes: { means: 'which chunk is in which pack' },
  snapshots: { means: 'records of snapshots and releases', href: hrefTo(['store', 'snapshots']) },
  refs: { means: 'names that move', href: hrefTo(['moves']) },
  pins: { means: 'what is never dropped' },
  leases: { means: 'who writes now' },
  facts: { means: 'what is known of published files' },
}

function SpaceShown({
  data: { kinds, total, unneeded, unknown },
  reached,
}: {
  readonly data: Space
  readonly reached: Answers['getOverview'] | undefined
}) {
  const bars = Object.entries(kinds)
    .filter(([, { objects }]) => objects > 0)
    .toSorted(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, { objects, bytes }]) => ({
      name,
      ...kindsKnown[name],
      value: bytes,
      text: (
        <>
          <Size bytes={bytes} /> <span class="faint">in {plural(objects, 'object')}</span>
        </>
      ),
    }))
  const freed = unneeded === undefined ? undefined : unneeded.condemned.bytes + unneeded.unreached.bytes + unneeded.repacked.bytes
  return (
    <>
      <Section
        title="Space"
        aside={
          <>
            <Size bytes={total.bytes} /> in {plural(total.objects, 'object')}
          </>
        }
      >
        <Bars bars={bars} />
      </Section>
      <div class="columns">
        <Section title="What prunes would give back">
          {unneeded === undefined ? (
            <p>It cannot be told: {unknown}</p>
          ) : (
            <Facts
              of={[
                ['All', <Size bytes={freed ?? 0} />],
                ['Nothing reaches it', <Size bytes={unneeded.unreached.bytes} />],
                ['Waits for its grace to end', <Size bytes={unneeded.condemned.bytes} />],
                ['In packs made anew', <Size bytes={unneeded.repacked.bytes} />],
              ]}
            />
          )}
        </Section>
        <Section title="Deduplication" aside={<a href={hrefTo(['store', 'snapshots'])}>Snapshots</a>}>
          <Deduplication packs={kinds['packs']?.bytes ?? 0} trees={reached?.snapshots.bytes} />
        </Section>
      </div>
    </>
  )
}

function Deduplication({ packs, trees }: { readonly packs: number; readonly trees: number | undefined }) {
  if (trees === undefined || trees === 0) return <Empty command="holdfast snapshot create FOLDER">There is no snapshot yet.</Empty>
  return (
    <Bars
      bars={[
        { name: 'Snapshots, whole', value: trees, text: <Size bytes={trees} /> },
        { name: 'As they are kept', value: packs, text: <Size bytes={packs} /> },
      ]}
    />
  )
}
