"""`vigil bridge mqtt`: packs shown in Home Assistant, over any link that reaches them.

Pack (pack.py, a thread each)  --state-->  Bridge (mqtt.py, asyncio)  -->  broker
"""
