import type { ExpressionProblem, Node } from './tree.ts';
import { excerpt } from './tree.ts';
import type { Type } from './type.ts';

/** Something that a reviewer should see: not wrong, but perhaps not what was meant. */
export interface ExpressionNote {
  readonly message: string;
  readonly offset: number;
  readonly length: number;
}

/** The type of a part that has a problem already: it causes no further ones. Known by identity. */
export const BROKEN: Type = { kind: 'any' };

/** Collects what the checker finds in one text. */
export class Report {
  readonly problems: ExpressionProblem[] = [];
  readonly notes: ExpressionNote[] = [];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  source(node: Node): string {
    return excerpt(this.#text, node);
  }

  problem(node: Node, message: string, hint: string): Type {
    this.problems.push({ message, hint, offset: node.offset, length: node.end - node.offset });
    return BROKEN;
  }

  note(node: Node, message: string): void {
    this.notes.push({ message, offset: node.offset, length: node.end - node.offset });
  }
}
