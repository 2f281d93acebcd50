import { sha256Hex, utf8 } from '../approval/bytes.ts';
import type { OpenGate } from '../approval/gate.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { GateOpened, JournalRow } from '../ir/events.ts';

/** What the gate's decision is about, as one digest: the evidence that `gate.opened` holds, in canonical form. */
function gateEvidenceSha256(gate: Pick<GateOpened, 'evidence'>): string {
  return sha256Hex(utf8(canonicalJson(gate.evidence)));
}

/** An opened gate as its decision has to name it. @param head the row of `gate.opened` */
export function openGate(
  gate: GateOpened,
  head: Pick<JournalRow, 'stream' | 'seq' | 'hash'>,
  run: { run: string; lock_sha256: string; request_sha256: string; requested_by: string | null },
): OpenGate {
  return {
    lock_sha256: run.lock_sha256,
    request_sha256: run.request_sha256,
    requested_by: run.requested_by,
    run_id: run.run,
    gate: gate.gate,
    occurrence: gate.occurrence,
    role: gate.role,
    outcomes: gate.outcomes,
    journal_head: { stream: head.stream, seq: head.seq, hash: head.hash },
    evidence_sha256: gateEvidenceSha256(gate),
  };
}
