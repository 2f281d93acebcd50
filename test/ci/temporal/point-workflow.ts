import {
  ActivityFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import { unwrap } from '../../../src/base/result.ts';
import type { EffectAnswered, PointFact } from '../../../src/ir/events.ts';
import { pointStream } from '../../../src/ir/events.ts';
import {
  type PointCommand,
  type PointState,
  type PollCommand,
  type SendCommand,
  stepPoint,
} from '../../../src/kernel/point.ts';
import { compileProgram, type Program } from '../../../src/kernel/program.ts';
import {
  type Answered,
  LOST,
  type PointArguments,
  pointSays,
  type RunActivities,
  studySays,
  type Told,
} from './protocol.ts';
import type { Tail as Unwritten } from '../../../src/engines/temporal/protocol.ts';
import { JournalTail } from '../../../src/engines/temporal/workflows/journal-tail.ts';
import { ignoreCancellation, WorkflowTimers } from '../../../src/engines/temporal/workflows/workflow-timers.ts';

const { append } = proxyActivities<RunActivities>({ startToCloseTimeout: '1 minute', ...LOST });

/** Evaluates one design point: feeds the point machine, and performs what it asks for. */
export async function pointWorkflow(given: PointArguments): Promise<void> {
  await new PointPerformer(given).perform();
}

/** A fact on its way, and whether it still counts when its turn comes. */
interface Incoming {
  readonly fact: PointFact;
  readonly counts: () => boolean;
  readonly sendings?: number;
}

class PointPerformer {
  readonly #given: PointArguments;
  readonly #program: Program;
  readonly #inbox: Incoming[] = [];
  readonly #timers = new WorkflowTimers();
  /** Polls that are out, by step. */
  readonly #polls = new Map<string, CancellationScope>();
  readonly #tail: JournalTail;
  #state: PointState | null = null;

  constructor(given: PointArguments) {
    this.#given = given;
    this.#tail = new JournalTail(pointStream(given.point), 0);
    this.#program = unwrap(compileProgram(given.lock, new Map()));
    setHandler(studySays, (fact) => {
      this.#inbox.push({ fact, counts: () => this.#expects(fact) });
    });
  }

  async perform(): Promise<void> {
    const { point, values } = this.#given;
    await this.#take({ type: 'point.began', point, values }, 1);
    while (this.#state?.ended !== true) {
      await condition(() => this.#inbox.length > 0);
      const { fact, counts, sendings } = this.#inbox.shift()!;
      if (counts()) await this.#take(fact, sendings ?? 1);
    }
  }

  /** A grant can cross with the withdrawal of its want; the study takes the tokens back when that arrives. */
  #expects(fact: PointFact): boolean {
    return fact.type !== 'step.granted' || this.#state?.steps[fact.step]?.status === 'wanting';
  }

  async #take(fact: PointFact, sendings: number): Promise<void> {
    const { run, point } = this.#given;
    if (fact.type === 'effect.answered') {
      const { step, part, attempt } = fact;
      for (let again = 1; again < sendings; again += 1) {
        this.#tail.add([{ type: 'effect.resent', step, part, attempt }]);
      }
    }
    const [state, { records, commands }] = stepPoint(this.#program, this.#state, fact);
    this.#state = state;
    this.#tail.add([fact, ...records]);
    const told = commands.flatMap((command) => this.#perform(command, state));
    const written_by_effect = commands.some((command) => command.do === 'send' || command.do === 'poll');
    if (told.length > 0 || !written_by_effect) await this.#write();
    if (told.length > 0) await getExternalWorkflowHandle(run).signal(pointSays, { point, told });
  }

  /** What others hear of must stand in the journal before what they do about it. */
  async #write(): Promise<void> {
    const unwritten = this.#tail.unwritten();
    await append(this.#given.run, unwritten);
    this.#tail.written(unwritten);
  }

  #perform(command: PointCommand, state: PointState): Told[] {
    switch (command.do) {
      case 'send':
        this.#send(command);
        return [];
      case 'poll':
        this.#poll(command, state);
        return [];
      case 'stop_poll':
        this.#polls.get(command.step)?.cancel();
        this.#polls.delete(command.step);
        return [];
      case 'timer': {
        const { timer, after_s } = command;
        const fact: PointFact = { type: 'point.timer_fired', timer };
        this.#timers.set(timer, Date.now() + after_s * 1000, () => {
          this.#inbox.push({ fact, counts: () => this.#timers.take(timer) });
        });
        return [];
      }
      case 'cancel_timer':
        this.#timers.cancel(command.timer);
        return [];
      case 'want':
        return [{ tell: 'want', step: command.step, uses: command.uses }];
      case 'release':
        return [{ tell: 'release', step: command.step }];
      case 'end':
        return [{ tell: 'end', result: command.result }];
    }
  }

  #send(command: SendCommand): void {
    const { run, point } = this.#given;
    const { send } = proxyActivities<RunActivities>({ startToCloseTimeout: command.timeout_s * 1000, ...LOST });
    const unwritten = this.#tail.unwritten();
    this.#answer(command, unwritten, send(run, point, command, unwritten), () => true);
  }

  #poll(command: PollCommand, state: PointState): void {
    const { run, point, lock } = this.#given;
    const { poll } = proxyActivities<RunActivities>({ startToCloseTimeout: '10 years', ...LOST });
    const scope = new CancellationScope();
    this.#polls.set(command.step, scope);
    // Only the poll that is out now may answer: one that a pause has stopped may still end.
    const counts = () => this.#polls.get(command.step) === scope && this.#polls.delete(command.step);
    const unwritten = this.#tail.unwritten();
    const answer = scope.run(() => poll(run, point, command, unwritten, { lock, state }));
    this.#answer(command, unwritten, answer, counts);
  }

  #answer(
    { step, part, attempt }: SendCommand | PollCommand,
    unwritten: Unwritten,
    answer: Promise<Answered>,
    counts: () => boolean,
  ): void {
    answer
      .then((answered) => {
        this.#tail.written(unwritten);
        return answered;
      })
      .catch((error: unknown): Answered => {
        if (!(error instanceof ActivityFailure) || error.retryState !== 'MAXIMUM_ATTEMPTS_REACHED') throw error;
        return { outcome: { ok: false, class: 'tool_broken', message: error.message }, sendings: 1, observed: {} };
      })
      .then(({ outcome, sendings }) => {
        const fact: EffectAnswered = { type: 'effect.answered', step, part, attempt, outcome };
        this.#inbox.push({ fact, counts, sendings });
      })
      .catch(ignoreCancellation);
  }
}
