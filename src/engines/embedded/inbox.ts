import type { InboxMessage, JournalStore, Lease } from '../ports.ts';

/** Reads the messages of a run, one after another, and removes each once it was obeyed. */
export class Inbox {
  readonly #journal: JournalStore;
  readonly #run: string;
  readonly #lease: () => Lease;
  readonly #obey: (message: InboxMessage) => Promise<void>;
  #stopListening: () => void = () => undefined;
  #stopped = false;
  #reading = false;
  /** Something came while messages were being read. */
  #again = false;

  constructor(journal: JournalStore, run: string, lease: () => Lease, obey: (message: InboxMessage) => Promise<void>) {
    this.#journal = journal;
    this.#run = run;
    this.#lease = lease;
    this.#obey = obey;
  }

  /** Whether there is a message that is not obeyed yet, as far as is known. */
  get reading(): boolean {
    return this.#reading;
  }

  listen(onNews: () => void): void {
    if (!this.#stopped) this.#stopListening = this.#journal.onInbox(this.#lease(), onNews);
  }

  stop(): void {
    this.#stopped = true;
    this.#stopListening();
  }

  /** Obeys all messages up to an id. While they are being read, another call only sees to it that they are read once more. */
  async read(newest = Number.POSITIVE_INFINITY): Promise<void> {
    this.#again = this.#reading;
    if (this.#reading) return;
    this.#reading = true;
    try {
      do {
        this.#again = false;
        await this.#readOnce(newest);
      } while (this.#again && !this.#stopped);
    } finally {
      this.#reading = false;
    }
  }

  async #readOnce(newest: number): Promise<void> {
    const held = await this.#journal.holds(this.#lease());
    if (!held.ok) throw held.error;
    for (const message of await this.#journal.inbox(this.#run)) {
      if (this.#stopped) return;
      if (message.id > newest) continue;
      // Left by this very performance, for whoever resumes the run.
      if (message.kind === 'clock' && newest === Number.POSITIVE_INFINITY) continue;
      await this.#obey(message);
      // What it led to is durable. After the end nobody can tell whether it led to anything: it is looked at again by `resume`.
      if (!this.#stopped) await this.#journal.acknowledge(this.#lease(), message.id);
    }
  }
}
