"""What distinguishes the members of the BQ769x2 family that the model can be."""


class Variant:
    def __init__(self, device_number, channels, loop_slots, spi_hz_limit):
        self.device_number = device_number
        self.channels = channels
        # ADC slots of a loop without thermistors.
        self.loop_slots = loop_slots
        self.spi_hz_limit = spi_hz_limit
        self.all_channels = (1 << channels) - 1


VARIANTS = {
    "bq76952": Variant(0x7695, 16, 18, 2_000_000),
    "bq76942": Variant(0x7694, 10, 12, 1_800_000),
}
