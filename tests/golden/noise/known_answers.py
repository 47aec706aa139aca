#!/usr/bin/env python3
"""The known answers of tests/sample/choose_noise_test.cpp, from the definition in docs/numerics.md alone.

Python's integers and libm's log: the last bit may differ from wisk's own log.
"""

import math

WORD = 0xFFFFFFFF


def philox(counter, key):
    counter, key = list(counter), list(key)
    for _ in range(10):
        low, high = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(high >> 32) ^ counter[1] ^ key[0], high & WORD, (low >> 32) ^ counter[3] ^ key[1], low & WORD]
        key = [(key[0] + 0x9E3779B9) & WORD, (key[1] + 0xBB67AE85) & WORD]
    return counter


def uniform(low, high):
    return ((((high << 32) | low) >> 11) | 1) * 2.0 ** -53


class Noise:
    def __init__(self, seed, problem, sample, position):
        self.state = philox([problem & WORD, problem >> 32, sample, position], [seed & WORD, seed >> 32])

    def words(self, stream, index):
        return philox([index, stream, self.state[2], self.state[3]], [self.state[0], self.state[1]])

    def block(self, block, count):
        """Arrival, maximum, holder."""
        words = self.words(0, block)
        arrival = -math.log(uniform(words[0], words[1])) / count
        return arrival, -math.log(arrival), block * 64 + ((words[2] * count) >> 32)

    def gumbel(self, token, arrival):
        """Of a token that is not its block's holder."""
        words = self.words(1, token)
        return -math.log(arrival - math.log(uniform(words[0], words[1])))


if __name__ == "__main__":
    noise = Noise(17, 0x0123456789ABCDEF, 5, 42)
    full, last = noise.block(3, 64), noise.block(4, 10)
    print("block 3 of 64 ids:", full[1].hex(), full[2])
    print("block 4 of 10 ids:", last[1].hex(), last[2])
    for token, arrival in ((192, full[0]), (193, full[0]), (265, last[0])):
        print("id", token, noise.gumbel(token, arrival).hex())
