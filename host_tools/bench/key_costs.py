"""`python -m host_tools.bench.key_costs`: what proofs and seals take on an RP2040 at 125 MHz.

Bytecode is counted as everywhere, the ciphers' blocks by the C of c/ciphers.c on the emulated
Cortex-M0+; the rest of the C behind hashlib, cryptolib and whole numbers is taken as its call.
"""

from host_tools.bench.bytecode_cycles import CountingInterpreter
from host_tools.bench.on_arm import C
from host_tools.mock import costs

PIECES = (
    "hmac",
    "challenge",
    "answer",
    "unseal",
    "seal",
    "unseal_longest",
    "seal_longest",
    "authority_idle",
)
MOST_US = 5000  # of a slice


def block_cycles():
    """{cipher: cycles of a block}."""
    c = C()
    state = bytearray(32)
    constants = bytes(range(256))
    sha256 = c.call("sha256_block", state, bytes(64), constants)[1].call
    aes = c.call("aes_block", bytearray(16), bytes(176), bytes(range(256)))[1].call
    return {"sha256": sha256, "aes": aes}


def measure(pieces=PIECES):
    """{piece: (cycles of bytecode, blocks of SHA-256, blocks of AES, cycles in all)}."""
    blocks = block_cycles()
    found = {}
    for name in pieces:
        # A new one, and few times: memory that was used does not come back.
        counting = CountingInterpreter("key_passes")
        counting.run("FEW, MANY = 3, 13")
        cycles, made = counting.cycles(name)
        asked = {cipher: 0 for cipher in blocks}
        for cipher, count in made:
            asked[cipher] += count
        total = cycles + sum(asked[cipher] * blocks[cipher] for cipher in blocks)
        found[name] = (round(cycles), asked["sha256"], asked["aes"], round(total))
    # What was measured together.
    challenge = found["challenge"]
    found["answer"] = tuple(
        whole - part for whole, part in zip(found["answer"], challenge, strict=True)
    )
    return found


def main():
    for cipher, cycles in block_cycles().items():
        print(f"{cipher:16} {cycles:7d} cycles a block")
    for name, (bytecode, sha256, aes, total) in measure().items():
        print(
            f"{name:16} {bytecode:7d} cycles of bytecode, {sha256:2d} blocks of SHA-256,"
            f" {aes:2d} of AES: {total / costs.MHZ:7.0f} us"
        )


if __name__ == "__main__":
    main()
