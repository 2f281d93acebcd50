import type { Content } from './content.ts';
import type { DisplayLine, Shape } from './lines.ts';

/** Who signs with the given key, or why nobody can. */
export type Signing =
  | {
      readonly ok: true;
      readonly principal: string;
      readonly role: string;
      readonly key: string;
      readonly self_approved: boolean;
    }
  | { readonly ok: false; readonly message: string; readonly hint: string };

/** What a reviewer decided; `quit` and the signals record nothing. */
export type Outcome =
  | { readonly kind: 'approve' }
  | { readonly kind: 'reject'; readonly reason: string }
  | { readonly kind: 'quit' | 'SIGINT' | 'SIGTERM' };

export type Mode =
  | { readonly kind: 'list' }
  | { readonly kind: 'help'; readonly top: number }
  | { readonly kind: 'search' | 'approve' | 'reject'; readonly typed: string; readonly problem: string }
  | { readonly kind: 'notice'; readonly message: string; readonly hint: string };

/** Where somebody is in a pane: a line of a row, and the first line on the screen. */
export interface Place {
  readonly entry: number;
  readonly offset: number;
  readonly top: number;
}

export interface ScreenState {
  readonly columns: number;
  readonly rows: number;
  readonly pane: number;
  readonly places: readonly Place[];
  readonly toggled: ReadonlySet<string>;
  readonly axes: { readonly x: number; readonly y: number };
  readonly mode: Mode;
  readonly query: string;
  /** Said once, until the next key. */
  readonly message: string;
  readonly outcome: Outcome | null;
}

/** What the machine looks at and does not change. */
export interface Fixed {
  readonly content: Content;
  readonly layout: (pane: number, shape: Shape) => readonly DisplayLine[];
  readonly signing: { readonly approve: Signing; readonly reject: Signing };
  readonly ascii: boolean;
}

export type Key =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'pageup'
  | 'pagedown'
  | 'home'
  | 'end'
  | 'tab'
  | 'shift-tab'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'ctrl-c'
  | 'ctrl-d'
  | 'ctrl-u'
  | { readonly text: string };
