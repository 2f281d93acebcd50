import type { JsonObject } from '../../base/json.ts';
import type { StudyFact } from '../../ir/events.ts';
import { decidedFact } from '../embedded/records.ts';
import { textOf } from '../message-text.ts';
import type { InboxMessage } from '../ports.ts';
import type { PerformedRun } from './performed-run.ts';
import type { SharedJournal } from './ports.ts';
import type { Order } from './protocol.ts';

/**
 * What the messages of a run ask for, in order, each verified where it has to be signed. Whether it is possible is decided when the
 * workflow takes it.
 *
 * @param beyond messages up to this one are known already
 */
export async function ordersOf(
  run: PerformedRun,
  journal: SharedJournal,
  beyond: number,
  onNotice: (text: string) => void,
): Promise<readonly Order[]> {
  const orders: Order[] = [];
  for (const message of await journal.inbox(run.authorised.run)) {
    if (message.id <= beyond) continue;
    const order = await orderOf(run, message);
    if ('refused' in order) onNotice(`Run ${run.authorised.run}: ${order.refused}`);
    orders.push(order);
  }
  return orders;
}

async function orderOf(run: PerformedRun, { id, kind, body }: InboxMessage): Promise<Order> {
  const by = textOf(body['by'], 'unknown');
  const reason = textOf(body['reason'], '');
  switch (kind) {
    case 'pause':
      return { id, fact: { type: 'run.paused', by, reason } };
    case 'resume':
      return { id, fact: { type: 'run.resumed', by } };
    case 'cancel':
      return cancelOf(id, body, by, reason);
    case 'retry':
      return { id, fact: { type: 'points.retried', points: pointsIn(body), by } };
    case 'gate':
      return decisionOf(run, id, body);
    case 'resolve':
      return resolutionOf(run, id, body);
    case 'clock':
      return { id, refused: 'the clock is looked at by each worker itself' };
  }
}

function cancelOf(id: number, body: JsonObject, by: string, reason: string): Order {
  const { where, phase } = body;
  if (typeof where === 'string') {
    if (!where.isWellFormed()) return { id, refused: 'a cancel came whose condition is no text; it changes nothing' };
    return { id, fact: { type: 'points.cancelled', where, by, reason } };
  }
  const fact: StudyFact =
    typeof phase === 'string'
      ? { type: 'phase.cancelled', phase: textOf(phase, ''), by, reason }
      : { type: 'run.cancelled', by, reason };
  return { id, fact };
}

/** Ascending; none where all that have failed are meant. */
function pointsIn(body: JsonObject): number[] {
  const { points } = body;
  if (!Array.isArray(points)) return [];
  return points.filter((point): point is number => Number.isSafeInteger(point)).sort((a, b) => a - b);
}

async function decisionOf(run: PerformedRun, id: number, body: JsonObject): Promise<Order> {
  const gate = await run.mirror.turn(async () => run.mirror.gate);
  if (gate === null) return { id, refused: 'a decision came, and no gate was opened; it changes nothing' };
  const decision = await run.authorised.verifyGate(body, gate.opened, gate.head);
  if (!decision.ok) return { id, refused: `a decision was refused: ${decision.error.message}` };
  return { id, fact: decidedFact(gate.opened, decision.value) };
}

async function resolutionOf(run: PerformedRun, id: number, body: JsonObject): Promise<Order> {
  const unresolved = await run.mirror.turn(async () => run.mirror.machine.unresolved());
  const effect = unresolved.find(({ point, step }) => point === body['point'] && step === body['step']);
  if (effect === undefined) return { id, refused: 'it was said what became of an effect that needs nobody' };
  const verified = await run.resolution(body, effect);
  if (!verified.ok) return { id, refused: `a resolution was refused: ${verified.error.message}` };
  if (verified.value === null) return { id, refused: 'a resolution came a second time; it changes nothing' };
  const { point, step, part, attempt } = effect;
  const { as, outcome, statement_sha256, by } = verified.value;
  return { id, point, resolved: { type: 'effect.resolved', step, part, attempt, as, outcome, statement_sha256, by } };
}
